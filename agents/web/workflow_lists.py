"""Workflows that a member may run, and the runs of them that are theirs, as the pages list them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Func, TextField

from agents.models import Run
from agents.services.access import runnable_workflows
from agents.web.transcript import taken
from agents.workflows.models import Workflow, node_count
from config.errors import NotFound
from tenants.accounts.principal import Principal

PAGE = 20
# Characters of an input that a list reads and shows.
_PREVIEW = 160
STATUS_LABELS = {
    "queued": "Queued",
    "running": "Running",
    "paused": "Waiting",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "needs_review": "Needs review",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A published workflow as members see it: its revision, not its draft."""

    slug: str
    name: str
    description: str
    nodes: int
    spec: dict[str, Any]
    digest: str
    revision_id: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list. `gave`: the beginning of its input on one line."""

    id: UUID
    slug: str
    name: str
    status: str
    status_label: str
    gave: str
    at: datetime
    took: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """`more`: the id before which the next page begins, or "" when this is the last."""

    runs: list[RunRow]
    more: str


def shown(workflow: Workflow) -> Shown:
    revision = workflow.published
    assert revision is not None
    spec = revision.spec
    return Shown(
        slug=workflow.slug,
        name=spec["name"],
        description=spec.get("description", ""),
        nodes=node_count(spec),
        spec=spec,
        digest=revision.digest,
        revision_id=revision.pk,
    )


def workflows(who: Principal) -> list[Shown]:
    return [shown(workflow) for workflow in runnable_workflows(who)]


def own_runs(who: Principal, slug: str = "", before: str = "") -> RunPage:
    """The member's own runs of workflows, newest first, a page at a time.

    No offset: a page costs the same wherever it lies. Raises NotFound for a `before` of nobody's.
    """
    rows = Run.objects.filter(member=who.member_id, kind="workflow", parent__isnull=True)
    if slug:
        rows = rows.filter(slug=slug)
    if before:
        try:
            rows = rows.filter(pk__lt=UUID(before))
        except ValueError:
            raise NotFound("There is no such page of runs.") from None
    found = list(
        rows.order_by("-pk").values(
            *("pk", "slug", "status", "pauses", "created_at", "started_at", "finished_at"),
            gave=Func(
                F("input"),
                template=f"left(%(expressions)s #>> '{{}}', {_PREVIEW})",
                output_field=TextField(),
            ),
            name=F("revision__spec__name"),
        )[: PAGE + 1]
    )
    more = str(found[PAGE - 1]["pk"]) if len(found) > PAGE else ""
    return RunPage([_row(one) for one in found[:PAGE]], more)


def _row(one: dict[str, Any]) -> RunRow:
    status = one["status"]
    last = one["pauses"][-1] if status == "paused" and one["pauses"] else {}
    if last.get("review") and "resumed_at" not in last:
        status = "needs_review"
    ms = None
    if one["started_at"] and one["finished_at"]:
        ms = round((one["finished_at"] - one["started_at"]) / timedelta(milliseconds=1))
    return RunRow(
        id=one["pk"],
        slug=one["slug"],
        name=one["name"] or one["slug"],
        status=status,
        status_label=STATUS_LABELS[status],
        gave=" ".join((one["gave"] or "").split()),
        at=one["created_at"],
        took=taken(ms),
    )
