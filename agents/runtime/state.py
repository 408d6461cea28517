"""A run and its steps as the runtime holds them: plain slotted records, no ORM."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.runtime.events import Source, iso
from agents.specs import AgentSpec

TERMINAL = frozenset({"completed", "failed", "cancelled", "needs_review"})


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
    member_active: bool = True
    deadline_clock: float = 0.0  # of time.monotonic(), in this process
    cancel_requested: bool = False
    starts_session: bool = False
    steps: list[StepState] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return Source(
            run_id=str(self.id),
            parent_run_id=str(self.parent_id) if self.parent_id else None,
            component={"kind": self.kind, "slug": self.slug, "revision": self.revision},
        )

    def as_json(self) -> dict[str, Any]:
        """The run as the HTTP contract shows it."""
        return {
            "id": str(self.id),
            "status": self.status,
            "component": {"kind": self.kind, "slug": self.slug, "revision": self.revision},
            "session_id": str(self.session_id),
            "parent_run_id": str(self.parent_id) if self.parent_id else None,
            "input": self.input,
            "output": self.output,
            "error": self.error,
            "usage": {
                "input_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
                "total_tokens": self.input_tokens + self.output_tokens,
            },
            "model": self.model,
            "trace_id": self.trace_id,
            "created_at": iso(self.created_at),
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
        }


@dataclass(slots=True)
class Held:
    """What an owner needs to go on with a run: the run, its spec and the fence it holds."""

    run: RunState
    spec: AgentSpec
    fence: int
    resumed: bool = False
    begun: bool = False
