"""Delegations as steps of a journal: what they record, and the events they stand for.

The input is `{member: {kind, slug, name}, task, run_id, tainted?}`, the output
`{text, status, run_id, tainted?}`: the child run's id, and whether what it read from outside makes
what it says a thing to be careful with.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agents.runtime.events import Cursor, Event, Source, make
from agents.runtime.outcomes import Outcome, as_text
from agents.runtime.state import OpenStep, RunState, StepState

KIND = "delegation"


def opened_of(step: StepState) -> OpenStep:
    """A delegation that was begun before: it goes on, and isn't begun anew."""
    return OpenStep(
        step.seq,
        step.key,
        step.kind,
        step.name,
        step.attempt,
        step.started_position,
        step.input,
        step.started_at,
    )


def outcome_of(child: RunState, name: str, *, tainted: bool) -> Outcome:
    """What a child run that has ended is to the run above it. Its use becomes the step's."""
    output: dict[str, Any] = {
        "text": "" if child.output is None else as_text(child.output),
        "status": child.status,
        "run_id": str(child.id),
    }
    if child.kind == "workflow":
        output["data"] = child.output
    if tainted:
        output["tainted"] = True
    error = None
    if child.status != "completed":
        error = dict(child.error or {"code": child.status, "message": f"It is {child.status}."})
        output["text"] = f"Error: {name} could not do it. {error.get('message', '')}".rstrip()
    return Outcome(output, error, child.input_tokens, child.output_tokens, child.cost)


def refused(code: str, message: str) -> Outcome:
    """A delegation that isn't made: the leader is told why."""
    output = {"text": f"Error: {message}", "status": "refused", "run_id": None}
    return Outcome(output, {"code": code, "message": message})


def started(source: Source, step: OpenStep) -> Event:
    return _started(source, step.position, step.started_at, step.seq, step.input)


def delegate_started(source: Source, step: StepState) -> Event:
    return _started(source, step.started_position, step.started_at, step.seq, step.input)


def _started(
    source: Source, position: int, at: datetime | None, seq: int, given: dict[str, Any]
) -> Event:
    return make(
        source,
        Cursor(position, 0),
        "delegate.started",
        at,
        step=seq,
        member=given["member"],
        task=given["task"],
        child_run_id=given["run_id"],
    )


def delegate_ended(source: Source, step: StepState) -> Event:
    assert step.finished_position is not None
    output = step.output
    took = None
    if step.started_at is not None and step.finished_at is not None:
        took = round((step.finished_at - step.started_at).total_seconds() * 1000)
    return make(
        source,
        Cursor(step.finished_position, 0),
        "delegate.completed",
        step.finished_at,
        step=step.seq,
        member=step.input["member"],
        child_run_id=output["run_id"],
        status=output["status"],
        output=None if step.error else output["text"],
        error=step.error,
        duration_ms=took,
    )
