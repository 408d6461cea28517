"""The verifier of a planned team: rules and a model that look at what a plan's steps came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.models_llm.protocol import ToolCall
from agents.runtime.guarding import RunGuard
from agents.runtime.plans import Plan, member_of
from agents.specs import TeamSpec
from agents.team_rules import Results, holds
from approvals.conditions import ConditionFailed

SUBMIT = "submit_verdict"
"""The name of the verifying model's only tool."""


@dataclass(slots=True)
class Done:
    """What a step came to. `error` is that of one that came to nothing; `spent`: its member, or
    the step, used up what it had.
    """

    payload: Any
    member: str
    confidence: float | None = None
    error: str = ""
    tainted: bool = False
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`steps` are to be done again, where the verdict is to send back."""

    verdict: Literal["pass", "send_back", "escalate"]
    reasons: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "steps": list(self.steps),
        }


def by_rules(team: TeamSpec, plan: Plan, input: str, done: Mapping[str, Done]) -> Verdict:
    """What the team's rules say. A rule that can't be told of the results is one that is broken.

    Steps that came to nothing are sent back as well.
    """
    assert team.plan is not None
    failed = [step.id for step in plan.steps if done[step.id].error]
    reasons = [f"{id} came to nothing: {done[id].error}" for id in failed]
    again = set(failed)
    escalate = False
    about = Results(
        input=input,
        results={id: one.payload for id, one in done.items() if not one.error},
        members={one.member: one.payload for one in done.values() if not one.error},
        failed=failed,
    )
    for rule in team.plan.rules:
        why = rule.why or " ".join(rule.check.split())
        try:
            if holds(rule.check, about):
                continue
        except ConditionFailed as failure:
            why = f"{why} ({failure})"
        reasons.append(why)
        escalate = escalate or rule.escalate
        theirs = {one.id for one in plan.steps if one.assignee == rule.member}
        again |= theirs or plan.last
    if not reasons:
        return Verdict("pass")
    kind: Literal["escalate", "send_back"] = "escalate" if escalate else "send_back"
    return Verdict(kind, tuple(reasons), tuple(one.id for one in plan.steps if one.id in again))


# --- a model -------------------------------------------------------------------------------------


class _Submitted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verdict: Literal["pass", "send_back", "escalate"]
    reasons: Annotated[list[str], Field(max_length=20)] = []
    steps: list[str] = []


def questions(
    team: TeamSpec, plan: Plan, input: str, done: Mapping[str, Done], guard: RunGuard | None
) -> list[BaseMessage]:
    """What the verifying model is asked: with its own instructions, and nothing said around it."""
    assert team.plan is not None
    results = [
        {
            "id": step.id,
            "member": done[step.id].member,
            "goal": step.goal,
            "result": done[step.id].payload,
            "confidence": done[step.id].confidence,
        }
        for step in plan.steps
    ]
    shown = json.dumps(results, ensure_ascii=False, indent=1)
    opening: list[BaseMessage] = [SystemMessage(team.plan.verifier)]
    if guard is not None:
        opening, shown = guard.opening(opening), guard.data(shown)
    asked = f"This was asked:\n{input}\n\nThe members' results:\n{shown}"
    return [*opening, HumanMessage(asked)]


def verdict_schema(plan: Plan) -> dict[str, Any]:
    """The verifying model's tool in OpenAI's format."""
    return {
        "type": "function",
        "function": {
            "name": SUBMIT,
            "description": "Submit the verdict on the results: pass; send_back, with reasons for "
            "those who have to do their steps again; or escalate to a person.",
            "parameters": {
                "type": "object",
                "properties": {
                    "verdict": {"type": "string", "enum": ["pass", "send_back", "escalate"]},
                    "reasons": {"type": "array", "items": {"type": "string"}},
                    "steps": {
                        "type": "array",
                        "items": {"type": "string", "enum": [one.id for one in plan.steps]},
                    },
                },
                "required": ["verdict"],
                "additionalProperties": False,
            },
        },
    }


def read_verdict(plan: Plan, call: ToolCall | None) -> Verdict:
    """What the model said; a verdict that can't be read is for a person to make."""
    known = [one.id for one in plan.steps]
    try:
        said = _Submitted.model_validate(call.parsed if call is not None else None)
    except ValidationError:
        return Verdict("escalate", ("The verifier gave no verdict that can be read.",))
    if said.verdict == "pass":
        return Verdict("pass")
    steps = tuple(id for id in known if id in said.steps or (not said.steps and id in plan.last))
    return Verdict(said.verdict, tuple(said.reasons) or ("The verifier gave no reason.",), steps)


def draft(team: TeamSpec, plan: Plan, done: Mapping[str, Done]) -> str:
    """The results as they stand, in words."""
    parts = []
    for step in plan.steps:
        one = done[step.id]
        member = member_of(team, one.member)
        name = member.name if member is not None else one.member
        said = one.payload
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, indent=2)
        parts.append(f"## {name}\n{(one.error and f'It came to nothing: {one.error}') or text}")
    return "\n\n".join(parts)
