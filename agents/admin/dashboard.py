"""What the tenant's overview shows: figures of a day, what runs now, what waits to be published."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from agents.admin.run_filters import made_since
from agents.admin.scoped import may
from agents.admin.shown import ago, as_text, between, duration, one_line, run_badge
from agents.models import Agent, Run
from agents.services.publish_agent import has_changes
from tenants.accounts.scopes import Scope

_LATEST = 8
_AGENTS = 100


def tenant_overview(request: HttpRequest) -> dict[str, Any]:
    """The overview's context; what the member may not see is not read."""
    context: dict[str, Any] = {"subtitle": None}
    if may(request, Scope.RUNS_READ_ALL):
        context |= {"figures": _figures(), "latest": _latest(), "shows_runs": True}
    if may(request, Scope.AGENTS_READ):
        context |= {"waiting": _waiting(), "has_agents": Agent.objects.exists()}
        context |= {"shows_agents": True, "may_add_agent": may(request, Scope.AGENTS_WRITE)}
    return context


def _figures() -> dict[str, Any]:
    day = Run.objects.filter(made_since(timezone.now() - timedelta(hours=24)))
    counts = day.aggregate(
        runs=Count("pk"),
        completed=Count("pk", filter=Q(status=Run.Status.COMPLETED)),
        failed=Count("pk", filter=Q(status__in=[Run.Status.FAILED, Run.Status.NEEDS_REVIEW])),
        cancelled=Count("pk", filter=Q(status=Run.Status.CANCELLED)),
        given=Sum("input_tokens", default=0),
        made=Sum("output_tokens", default=0),
        members=Count("member", distinct=True),
    )
    live = Run.objects.filter(status__in=Run.LIVE).count()
    ended = counts["completed"] + counts["failed"] + counts["cancelled"]
    return {
        **counts,
        "live": live,
        "tokens": counts["given"] + counts["made"],
        "bars": [
            (name, counts[name], f"{counts[name] * 100 / ended:.2f}%")
            for name in ("completed", "failed", "cancelled")
            if ended and counts[name]
        ],
    }


def _latest() -> list[dict[str, Any]]:
    runs = (
        Run.objects.select_related("member", "revision")
        .defer("output", "revision__spec")
        .order_by("-id")
    )
    return [
        {
            "run": run,
            "input": one_line(as_text(run.input), 80),
            "badge": run_badge(run),
            "took": duration(between(run.started_at, run.finished_at)),
            "ago": ago(run.created_at),
        }
        for run in runs[:_LATEST]
    ]


def _waiting() -> list[Agent]:
    """Agents whose draft differs from what is published, or that never were."""
    agents = (
        Agent.objects.filter(is_archived=False)
        .select_related("published")
        .prefetch_related("run_roles")
        .order_by("-updated_at")[:_AGENTS]
    )
    return [agent for agent in agents if has_changes(agent)]
