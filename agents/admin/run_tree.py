"""Who works on what for whom below a run: rows to read, and of a team a drawing of them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from agents.admin.shown import duration, money, one_line, status_badge
from agents.models import Run
from agents.services import run_rows
from approvals.models import Approval


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row in words; `waiting`: what it asks people, by the tool and the address of each."""

    id: UUID
    depth: int
    kind: str
    slug: str
    name: str
    stage: str
    state: str
    badge: SafeString
    took: str
    tokens: int
    cost: str
    task: str
    task_line: str
    answer: str
    error: str
    waiting: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RunTree:
    """`counts`: how many are in each state, for people; `drawing` is of a team's run alone."""

    rows: list[ShownRow]
    counts: str
    drawing: SafeString | None


def run_tree(run: Run, *, approvals: bool) -> RunTree | None:
    """Everything below the run, in at most three statements; None where there is nothing.

    `approvals`: whether what waits for people is linked.
    """
    rows = run_rows.rows_below(run, Approval.objects.all() if approvals else None)
    if not rows:
        return None
    return RunTree(
        [_shown(row) for row in run_rows.flat(rows)],
        run_rows.counts(rows),
        run_rows.drawing(run, rows, duration) if run.kind == "team" else None,
    )


def _shown(row: run_rows.Row) -> ShownRow:
    labels = dict(Run.Status.choices)
    return ShownRow(
        id=row.id,
        depth=row.depth,
        kind=row.kind,
        slug=row.slug,
        name=row.name,
        stage=row.stage,
        state=row.state,
        badge=status_badge(row.status, str(labels.get(row.status, row.status))),
        took=duration(row.seconds),
        tokens=row.tokens,
        cost=money(row.cost, row.currency) if row.cost is not None else "",
        task=row.task,
        task_line=one_line(row.task, 140),
        answer=row.answer,
        error=row.error,
        waiting=[
            (tool, reverse("admin:approvals_approval_change", args=[asked]))
            for asked, tool in row.waiting
        ],
    )
