"""A member's history, as the console's History page shows it: what was done to their access."""

from __future__ import annotations

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from tenants.accounts.models import Member


def record(member: Member, actor_id: int | None, what: str) -> None:
    """Write one line, in the caller's transaction. No actor: it is the member's own doing."""
    kind = ContentType.objects.get_for_model(_shown_as(member), for_concrete_model=False)
    LogEntry.objects.create(
        user_id=actor_id or member.pk,
        content_type=kind,
        object_id=str(member.pk),
        object_repr=str(member)[:200],
        action_flag=CHANGE,
        change_message=what,
    )


def _shown_as(member: Member) -> type[Member]:
    from tenants.accounts.models import ServiceAccount

    return ServiceAccount if member.kind == Member.Kind.SERVICE else Member
