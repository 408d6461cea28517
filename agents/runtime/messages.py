"""Hand-offs inside a planned team: typed messages, and whether one keeps its contract.

Every message is validated before it is passed on. One that breaks its contract isn't: whoever sent
it is told why, and may send another.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.guardrails.schema_check import json_in, value_complaints
from agents.runtime.state import RunState
from agents.specs import MemberSpec

TYPED = (
    'Answer with one JSON object and nothing else: {"payload": ..., "confidence": a number from 0 '
    "to 1}. The payload has this JSON schema:"
)
"""What stands before the schema of what a member has to answer."""


LONGEST = 200_000
"""Characters of an answer that are read for JSON."""


class Message(BaseModel):
    """Who hands what to whom. `confidence` is what the sender says of its own payload."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    trace_id: str
    session_id: str
    sender: str = Field(alias="from")
    to: str
    intent: Literal["plan", "task", "result"]
    payload: Any
    confidence: float | None = Field(default=None, ge=0, le=1)

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


def message(
    run: RunState,
    sender: str,
    to: str,
    intent: Literal["plan", "task", "result"],
    payload: Any,
    confidence: float | None = None,
) -> Message:
    """A message of this run of the team."""
    return Message.model_validate(
        {
            "trace_id": run.trace_id,
            "session_id": str(run.session_id),
            "from": sender,
            "to": to,
            "intent": intent,
            "payload": payload,
            "confidence": confidence,
        }
    )


def breaches(payload: Any, schema: dict[str, Any] | None) -> list[str]:
    """Where a payload breaks a schema, each with its place; [] where it doesn't."""
    if not schema:
        return []
    return value_complaints(payload, schema)


def task_text(goal: str, inputs: dict[str, Any], member: MemberSpec, told: tuple[str, ...]) -> str:
    """A task in words, as a member's run is given it. `told`: why what it sent came back."""
    parts = [goal]
    if inputs:
        parts.append(f"What you are given:\n{_listed(inputs)}")
    if told:
        reasons = "\n".join(f"- {reason}" for reason in told)
        parts.append(f"Your last answer was sent back:\n{reasons}")
    if member.output_schema:
        schema = json.dumps(member.output_schema, ensure_ascii=False)
        parts.append(f"{TYPED}\n{schema}")
    return "\n\n".join(parts)


def _listed(inputs: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {_plain(value)}" for name, value in inputs.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_answer(text: str, member: MemberSpec) -> tuple[Any, float | None, list[str]]:
    """Payload and confidence of what a member said, and where that breaks its contract.

    Without a schema every text is an answer.
    """
    if not member.output_schema:
        return text, None, []
    try:
        said = json_in(text[:LONGEST])
    except (ValueError, RecursionError) as error:
        return None, None, [f"It is no JSON: {error}"]
    if not isinstance(said, dict) or "payload" not in said:
        return None, None, ["$: expected an object with payload and confidence"]
    if stray := sorted(set(said) - {"payload", "confidence"}):
        return None, None, [f"$: there is nothing but payload and confidence, not {stray[0]}"]
    confidence = said.get("confidence")
    if confidence is not None and not _is_share(confidence):
        return None, None, ["$.confidence: expected a number from 0 to 1"]
    wrong_at = breaches(said["payload"], member.output_schema)
    if wrong_at:
        return None, None, [line.replace("$", "$.payload", 1) for line in wrong_at]
    return said["payload"], confidence, []


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
