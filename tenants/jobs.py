"""What the cluster does on a schedule, and the schedules themselves."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from tenants.context import use_shared
from tenants.every import in_every_tenant


def ensure_schedules() -> None:
    """Write the schedules of settings.PLATFORM_SCHEDULES, each by its name. Idempotent."""
    from django_q.models import Schedule

    with use_shared():
        for name, (func, minutes) in settings.PLATFORM_SCHEDULES.items():
            Schedule.objects.get_or_create(
                name=name,
                defaults={
                    "func": func,
                    "schedule_type": Schedule.MINUTES,
                    "minutes": minutes,
                    "next_run": timezone.now() + timedelta(seconds=30),
                },
            )


def clean_tokens() -> int:
    """Forget what is over in every tenant: token families, browser sessions, sign-in tries."""
    from django.contrib.sessions.models import Session

    from tenants.accounts import throttle
    from tenants.accounts.models import TokenFamily

    def clean() -> int:
        over = timezone.now()
        removed = TokenFamily.objects.filter(expires_at__lt=over).delete()[0]
        removed += Session.objects.filter(expire_date__lt=over).delete()[0]
        return int(removed) + throttle.clean_expired()

    return sum(in_every_tenant(clean))
