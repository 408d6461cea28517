"""Verdicts in a run's journal: finished steps that ride along with the next write; their events.

A check that looks at a text in this process costs no round trip of its own. Until its row is
written, nothing that the check let through is durable either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agents.guardrails.verdicts import Verdict
from agents.models_llm.pricing import total_cost
from agents.runtime.events import Cursor, Event, Source, make
from agents.runtime.state import StepState, cost_text


def verdict_key(place: str, verdict: Verdict) -> str:
    """`place` is the key of the step whose text was looked at, "input" for the run's own."""
    return f"{place}:guard:{verdict.stage.value}:{verdict.guardrail}"


@dataclass(slots=True)
class VerdictRow:
    """A verdict that waits to be written. `step` is what the journal's readers see of it."""

    step: StepState
    seconds: float

    def values(self) -> dict[str, Any]:
        step = self.step
        return {
            "seq": step.seq,
            "key": step.key,
            "name": step.name,
            "output": step.output,
            "input_tokens": step.input_tokens,
            "output_tokens": step.output_tokens,
            "cost": cost_text(step.cost),
            "position": step.finished_position,
            "seconds": self.seconds,
        }


def row_of(verdict: Verdict, key: str, seq: int, position: int) -> VerdictRow:
    step = StepState(
        seq=seq,
        key=key,
        kind="guardrail",
        name=verdict.guardrail[:200],
        status="finished",
        attempt=1,
        input=None,
        output=verdict.as_json(),
        error=None,
        input_tokens=verdict.input_tokens,
        output_tokens=verdict.output_tokens,
        started_position=position,
        finished_position=position,
        started_at=None,
        finished_at=None,
        cost=verdict.cost,
    )
    return VerdictRow(step, verdict.seconds)


def rows_of_input(verdicts: Sequence[Verdict]) -> list[VerdictRow]:
    """The rows that are written with the run itself, whose own position is 1."""
    return [
        row_of(verdict, verdict_key("input", verdict), number, number + 1)
        for number, verdict in enumerate(verdicts, 1)
    ]


def as_records(rows: Iterable[VerdictRow]) -> str:
    """JSON for `%(verdicts)s`."""
    return orjson.dumps([row.values() for row in rows]).decode()


def tripped_event(source: Source, step: StepState) -> Event | None:
    """What a verdict tells followers; None when nothing was found. Never the text itself."""
    output = step.output or {}
    if step.finished_position is None or not output.get("code"):
        return None
    return make(
        source,
        Cursor(step.finished_position, 0),
        "guardrail.tripped",
        step.finished_at,
        step=step.seq,
        guardrail=step.name,
        stage=output["stage"],
        action=output["action"],
        code=output["code"],
        reason=output.get("reason", ""),
    )


def counted(run: Any, verdict: Verdict) -> None:
    """What a check used is part of what its run used."""
    run.input_tokens += verdict.input_tokens
    run.output_tokens += verdict.output_tokens
    run.cost = total_cost([run.cost, verdict.cost])
