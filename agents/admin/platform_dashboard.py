"""What the platform's overview shows: tenants by state, live runs, the queue, what failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from django_q.models import Failure, OrmQ, Success

from agents.admin.queued_job import job_of_task
from agents.admin.scoped import may
from agents.admin.shown import ago, status_badge
from agents.tickets.models import Ticket
from tenants.accounts.scopes import Scope
from tenants.models import Tenant

_LATEST = 6


def platform_overview(request: HttpRequest) -> dict[str, Any]:
    """The overview's context; empty for a member who may not see the platform."""
    if not may(request, Scope.PLATFORM_READ):
        return {"shows_platform": False}
    customers = Tenant.objects.filter(kind=Tenant.Kind.CUSTOMER)
    by_state = dict(customers.values_list("state").annotate(number=Count("pk")).order_by())
    day = timezone.now() - timedelta(hours=24)
    return {
        "shows_platform": True,
        "may_provision": may(request, Scope.PLATFORM_WRITE),
        "tenants_active": by_state.get(Tenant.State.ACTIVE, 0),
        "tenants_total": sum(by_state.values()),
        "tenants_failed": by_state.get(Tenant.State.FAILED, 0),
        "live": Ticket.objects.aggregate(
            all=Count("pk"),
            waiting=Count("pk", filter=Q(owner="")),
            lost=Count("pk", filter=~Q(owner="") & Q(lease_until__lt=Now())),
        ),
        "queued": OrmQ.objects.count(),
        "failed": Failure.objects.filter(stopped__gte=day).count(),
        "done": Success.objects.filter(stopped__gte=day).count(),
        "busiest": Ticket.objects.values("schema")
        .annotate(number=Count("pk"))
        .order_by("-number")[:_LATEST],
        "tenants": [
            {
                "tenant": tenant,
                "badge": status_badge(tenant.state, tenant.get_state_display()),
                "ago": ago(tenant.created_at),
            }
            for tenant in customers.order_by("-created_at")[:_LATEST]
        ],
        "failures": [
            {"task": task, "job": job_of_task(task), "ago": ago(task.stopped)}
            for task in Failure.objects.order_by("-stopped")[:_LATEST]
        ],
    }
