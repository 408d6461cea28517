"""The runs below one: who works on what for whom, what came of it and what it used so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Func, QuerySet, TextField
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.models import Run, Step
from agents.workflows.tree_drawing import Leaf, drawn
from approvals.models import Approval

TEXT = 1_000
"""Characters of a task and of an answer; all of it is in the run itself."""
STATES = ("failed", "running", "waiting", "completed", "cancelled")
_STATE = {"queued": "running", "paused": "waiting", "needs_review": "waiting"}


@dataclass(slots=True)
class Row:
    """One run below. `stage`: the step of a plan, or the task of a list, that it is a part of;
    `seconds`: what it took, or has until now; `waiting`: what it asks people, as approval and tool.
    """

    id: UUID
    depth: int
    kind: str
    slug: str
    name: str
    stage: str
    status: str
    state: str
    seconds: float | None
    tokens: int
    cost: Decimal | None
    currency: str
    task: str
    answer: str
    error: str
    waiting: list[tuple[UUID, str]] = field(default_factory=list)
    below: list[Row] = field(default_factory=list)


class _Text(Func):
    """What a JSON field holds as text, its first characters."""

    template = "left(%(expressions)s #>> '{}', " + str(TEXT + 1) + ")"
    output_field = TextField()


def rows_below(run: Run, approvals: QuerySet[Approval] | None) -> list[Row]:
    """The runs right below, each with those below it: three statements, however many there are.

    `approvals`: those that the reader may see.
    """
    found: dict[UUID | None, list[Run]] = {}
    runs = (
        Run.objects.filter(root=run.root_id or run.pk)
        .annotate(asked_text=_Text("input"), said_text=_Text("output"))
        .defer("input", "output", "revision")
        .order_by("first_position", "id")
    )
    for child in runs:
        found.setdefault(child.parent_id, []).append(child)
    if run.pk not in found:
        return []
    given = _given([run.pk, *(one.pk for ones in found.values() for one in ones)])
    asked: dict[UUID, list[tuple[UUID, str]]] = {}
    if approvals is not None:
        waiting = approvals.filter(root_run_id=run.root_id or run.pk, status="waiting")
        for pk, asking, tool in waiting.order_by("id").values_list("pk", "run_id", "tool"):
            asked.setdefault(asking, []).append((pk, tool))

    def rows(above: UUID, depth: int) -> list[Row]:
        made = []
        for child in found.get(above, ()):
            row = _row(child, depth, given.get(str(child.pk)))
            row.waiting = asked.get(child.pk, [])
            row.below = rows(child.pk, depth + 1)
            made.append(row)
        return made

    return rows(run.pk, 0)


def flat(rows: Sequence[Row]) -> Iterator[Row]:
    """Each row before those below it."""
    for row in rows:
        yield row
        yield from flat(row.below)


def counts(rows: Sequence[Row]) -> str:
    """How many are in each state, for people: `2 running · 1 completed`."""
    total = Counter(row.state for row in flat(rows))
    return " · ".join(f"{total[state]} {state}" for state in STATES if total[state])


def drawing(run: Run, rows: Sequence[Row], took: Callable[[float | None], str]) -> SafeString:
    """The tree from this run down. `took` puts seconds into words."""

    def leaf(row: Row) -> Leaf:
        task = row.stage or " ".join(row.task.split())
        below = [leaf(one) for one in row.below]
        return Leaf(f"run-{row.id}", row.kind, row.name, row.state, took(row.seconds), task, below)

    state = _STATE.get(run.status, run.status)
    seconds = _seconds(run.started_at, run.finished_at)
    below = [leaf(row) for row in rows]
    name = str(run.revision.spec.get("name") or run.slug)
    return drawn(Leaf("", run.kind, name, state, took(seconds), "", below))


def _row(run: Run, depth: int, given: tuple[str, str] | None) -> Row:
    name, stage = given or (run.slug, "")
    error = run.error if isinstance(run.error, dict) else {}
    model = run.model if isinstance(run.model, dict) else {}
    return Row(
        id=run.pk,
        depth=depth,
        kind=run.kind,
        slug=run.slug,
        name=name,
        stage=stage,
        status="needs_review" if run.waits_for_review else run.status,
        state=_STATE.get(run.status, run.status),
        seconds=_seconds(run.started_at, run.finished_at),
        tokens=run.input_tokens + run.output_tokens,
        cost=run.cost,
        currency=str(model.get("currency") or ""),
        task=_cut(getattr(run, "asked_text", None)),
        answer=_cut(getattr(run, "said_text", None)),
        error=str(error.get("message") or ""),
    )


def _given(runs: list[UUID]) -> dict[str, tuple[str, str]]:
    """By child run the name of who was asked, and the stage of the work above."""
    steps = Step.objects.filter(run__in=runs, kind=Step.Kind.DELEGATION)
    return {
        str(run_id): (name, _stage(key))
        for run_id, name, key in steps.values_list("input__run_id", "name", "key")
        if run_id
    }


def _stage(key: str) -> str:
    """`step fetch` of a plan's delegation, `task sum` of a list's; else empty."""
    kind, _, rest = key.partition(":")
    return f"{kind} {rest.partition(':')[0]}" if kind in ("step", "task") else ""


def _seconds(begun: datetime | None, over: datetime | None) -> float | None:
    return None if begun is None else ((over or timezone.now()) - begun).total_seconds()


def _cut(text: str | None) -> str:
    if not text or len(text) <= TEXT:
        return text or ""
    return f"{text[:TEXT].rstrip()}…"
