"""A run and its steps as the runtime holds them: plain slotted records, no ORM."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from agents.runtime.build import Built
from agents.runtime.events import Source, iso

TERMINAL = frozenset({"completed", "failed", "cancelled", "needs_review"})


def cost_text(cost: Decimal | None) -> str | None:
    """A cost as JSON carries it: a plain decimal number as text, without idle zeros."""
    if cost is None:
        return None
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown_status(run: Any) -> str:
    """What a run's status is to people: one that waits for a review is no mere pause."""
    last = run.pauses[-1] if run.status == "paused" and run.pauses else {}
    waits = last.get("review") and "resumed_at" not in last
    return "needs_review" if waits else str(run.status)


def run_json(run: Any, revision: int) -> dict[str, Any]:
    """A run as the HTTP contract shows it; `run` is a RunState or a row of the same fields."""
    return {
        "id": str(run.id),
        "status": shown_status(run),
        "component": {"kind": run.kind, "slug": run.slug, "revision": revision},
        "session_id": str(run.session_id),
        "parent_run_id": str(run.parent_id) if run.parent_id else None,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "usage": {
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "total_tokens": run.input_tokens + run.output_tokens,
            "cost": cost_text(run.cost),
            "currency": run.model.get("currency"),
        },
        "model": run.model,
        "trace_id": run.trace_id,
        "created_at": iso(run.created_at),
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
    }


@dataclass(slots=True)
class StepState:
    seq: int
    key: str
    kind: str
    name: str
    status: str
    attempt: int
    input: Any
    output: Any
    error: dict[str, Any] | None
    input_tokens: int
    output_tokens: int
    started_position: int
    finished_position: int | None
    started_at: datetime | None
    finished_at: datetime | None
    cost: Decimal | None = None
    asked: list[dict[str, Any]] | None = None


@dataclass(slots=True)
class RunState:
    id: UUID
    kind: str
    slug: str
    revision: int
    revision_id: int
    session_id: UUID
    parent_id: UUID | None
    member_id: int
    status: str
    input: Any
    output: Any
    error: dict[str, Any] | None
    model: dict[str, Any]
    input_tokens: int
    output_tokens: int
    position: int
    resumes: int
    trace_id: str
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime | None
    time_zone: str = "UTC"
    member_name: str = ""
    username: str = ""
    member_active: bool = True
    deadline_clock: float = 0.0  # of time.monotonic(), in this process
    cancel_requested: bool = False
    cost: Decimal | None = None  # of the steps so far; None: no price is known
    pauses: list[dict[str, Any]] = field(default_factory=list)
    root: UUID | None = None  # None: it is one itself
    depth: int = 0
    first_position: int = 1
    roster: dict[str, int] | None = None
    steps: list[StepState] = field(default_factory=list)
    below: list[RunState] = field(default_factory=list)  # child runs at any depth, parents first

    @property
    def paused(self) -> bool:
        """Whether it waits for people, or did until a moment ago and nobody has it yet."""
        return bool(self.pauses) and "resumed_at" not in self.pauses[-1]

    @property
    def root_id(self) -> UUID:
        """The run that a person started."""
        return self.root or self.id

    @property
    def source(self) -> Source:
        return Source(
            run_id=str(self.id),
            parent_run_id=str(self.parent_id) if self.parent_id else None,
            component={"kind": self.kind, "slug": self.slug, "revision": self.revision},
            depth=self.depth,
        )

    def as_json(self) -> dict[str, Any]:
        return run_json(self, self.revision)


@dataclass(slots=True)
class OpenStep:
    """A started step, as its work sees it."""

    seq: int
    key: str
    kind: str
    name: str
    attempt: int
    position: int
    input: Any
    started_at: datetime | None = None
    clock: float = field(default_factory=time.perf_counter)


@dataclass(slots=True)
class Held:
    """What an owner needs to go on with a run: the run, its built agent and the fence it holds.

    `first_step` was begun, and `history` read, in the statement that started the run; without them
    they are begun and read when their turn comes. `resumed`: begun before, here or elsewhere, and
    `decided`: it had waited for people.
    """

    run: RunState
    agent: Built
    fence: int
    resumed: bool = False
    decided: bool = False
    begun: bool = False
    first_step: OpenStep | None = None
    history: list[tuple[str, str]] | None = None
