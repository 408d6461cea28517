"""Steps as they are written, and as the journal holds them in memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agents.runtime.outcomes import Outcome, as_jsonb
from agents.runtime.state import OpenStep, StepState


def ending_values(opened: OpenStep, outcome: Outcome, position: int) -> dict[str, Any]:
    return {
        "key": opened.key,
        "status": "failed" if outcome.error else "finished",
        "output": as_jsonb(outcome.output),
        "error": as_jsonb(outcome.error),
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost": outcome.cost,
        "position": position,
    }


def state_of(
    opened: OpenStep,
    status: str,
    outcome: Outcome,
    position: int | None = None,
    at: datetime | None = None,
    asked: list[dict[str, Any]] | None = None,
) -> StepState:
    return StepState(
        seq=opened.seq,
        key=opened.key,
        kind=opened.kind,
        name=opened.name,
        status=status,
        attempt=opened.attempt,
        input=opened.input,
        output=outcome.output,
        error=outcome.error,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        started_position=opened.position,
        finished_position=position,
        started_at=opened.started_at,
        finished_at=at,
        cost=outcome.cost,
        asked=asked,
    )
