"""What one stage of a team's work may still use, and who is asked when a member uses it up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agents.budgets import NO_LIMIT, Share, StageSpec
from agents.runtime.state import StepState
from agents.specs import MemberSpec, TeamSpec

PASSED = frozenset({"deadline", "limit_tokens", "limit_cost", "limit_turns"})
"""The codes of a member that used up what it had."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage has left: seconds, tokens and cost; None where nothing limits it."""

    seconds: float | None = None
    share: Share = NO_LIMIT

    @classmethod
    def of(cls, spec: StageSpec | None) -> Stage:
        return cls() if spec is None else cls(spec.seconds, Share(spec.tokens, spec.cost))

    def after(self, step: StepState, pauses: list[dict[str, Any]]) -> Stage:
        """What is left of it after a delegation that has ended. Waiting for people takes nothing.

        Made of what is recorded alone, so that an entered run has the same left.
        """
        share = self.share.less(step.input_tokens + step.output_tokens, step.cost)
        if self.seconds is None:
            return replace(self, share=share)
        return Stage(max(self.seconds - _worked(step, pauses), 0.0), share)

    @property
    def spent(self) -> bool:
        return self.seconds == 0 or self.share.tokens == 0 or self.share.cost == 0


UNLIMITED = Stage()


def fallback_of(team: TeamSpec, member: MemberSpec, step: StepState | None) -> MemberSpec | None:
    """Who is asked instead of a member whose delegation this was; None: nobody."""
    if not member.fallback or step is None or (step.error or {}).get("code") not in PASSED:
        return None
    return next((one for one in team.members if one.slug == member.fallback), None)


def fallback_key(key: str) -> str:
    return f"{key}:fallback"


def _worked(step: StepState, pauses: list[dict[str, Any]]) -> float:
    begun, over = step.started_at, step.finished_at
    if begun is None or over is None:
        return 0.0
    seconds = (over - begun).total_seconds()
    for pause in pauses:
        if pause.get("resumed_at") is None:
            continue
        at, until = (datetime.fromisoformat(pause[name]) for name in ("at", "resumed_at"))
        seconds -= max((min(until, over) - max(at, begun)).total_seconds(), 0.0)
    return max(seconds, 0.0)
