"""Carrying a plan out: each step begins when what it needs is there, whatever the others do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agents.runtime.delegations import Delegations
from agents.runtime.journal import Journal
from agents.runtime.messages import breaches, message, read_answer, task_text
from agents.runtime.outcomes import Outcome
from agents.runtime.plans import Plan, PlanStep, member_of
from agents.runtime.shares import PASSED
from agents.runtime.state import StepState
from agents.runtime.team_loops import judge_known
from agents.runtime.together import Growing
from agents.runtime.verifying import Done
from agents.specs import MemberSpec, TeamSpec

BROKEN = "contract_broken"
PLANNER = "planner"


@dataclass(slots=True)
class PlanWork:
    """One entry into a plan's work. Deterministic outside its steps: finished ones replay.

    `rounds`: how often each step was sent back; `told`: why, the last time.
    """

    journal: Journal
    team: TeamSpec
    plan: Plan
    delegations: Delegations
    rounds: dict[str, int] = field(default_factory=dict)
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    done: dict[str, Done] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)

    def send_back(self, steps: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        """These are to be done again, knowing why, and what builds on them as well."""
        for id in self.plan.after(set(steps)):
            self.done.pop(id, None)
            self.rounds[id] = self.rounds.get(id, 0) + 1
            self.told[id] = reasons if id in steps else ()

    async def all(self) -> Mapping[str, Done]:
        """What every step came to. Raises Parked while one waits for people and none can go on."""
        while True:
            self._begun = set(self.done)
            await Growing().all(self._begin_ready)
            if len(self.done) == len(self.plan.steps):
                return self.done
            await self.journal.pause()

    def _begin_ready(self, work: Growing) -> None:
        for step in self.plan.steps:
            if step.id not in self._begun and all(need in self.done for need in step.needs):
                self._begun.add(step.id)
                work.begin(self._go(step, work))

    async def _go(self, step: PlanStep, work: Growing) -> None:
        done = await self._done(step)
        if done is not None:
            self.done[step.id] = done
            self._begin_ready(work)

    # --- one step ---------------------------------------------------------------------------------

    async def _done(self, step: PlanStep) -> Done | None:
        """None while its member waits for people."""
        lacking = [need for need in step.needs if self.done[need].error]
        if lacking:
            return Done(None, step.assignee, error=f"it lacks what {lacking[0]} was to give.")
        done = await self._by(step, step.assignee, "")
        if done is not None and done.error and (other := self._instead(step, done)):
            return await self._by(step, other, "fallback:")
        return done

    def _instead(self, step: PlanStep, done: Done) -> str:
        """Who does a step that came to nothing: as the plan says, else as the member's place does
        for one that used up what it had.
        """
        if step.fallback or not done.spent:
            return step.fallback or ""
        member = member_of(self.team, done.member)
        return member.fallback if member is not None else ""

    async def _by(self, step: PlanStep, slug: str, way: str) -> Done | None:
        """By one member, who is told what was wrong with an answer that breaks its contract."""
        member = member_of(self.team, slug)
        assert member is not None and self.team.plan is not None
        inputs = self._inputs(step)
        key = f"step:{step.id}:{self.rounds.get(step.id, 0)}:{way}"
        if wrong := breaches(inputs, member.input_schema):
            why = f"{member.name} can't be given this: {'; '.join(wrong)}"
            await self.delegations.refuse(f"{key}0", member.name, BROKEN, why)
            return Done(None, slug, error=why)
        tainted = any(self.done[need].tainted for need in step.needs)
        told = self.told.get(step.id, ())
        done = Done(None, slug, error="")
        stage = self.delegations.stage
        for attempt in range(self.team.plan.rejections + 1):
            text = task_text(step.goal, inputs, member, told)
            handed = message(self.journal.run, PLANNER, slug, "task", _payload(step, inputs, told))
            found = await self.delegations.delegate(
                f"{key}{attempt}",
                member,
                text,
                tainted=tainted,
                handed=handed.as_json(),
                judge=lambda outcome: self._judged(outcome, member, step),
                stage=stage,
            )
            if found is None:
                return None
            judge_known(found)
            said, _ = await self.delegations.said(found)
            done = _as_done(found, slug, said, tainted)
            if found.error is None or found.error["code"] != BROKEN:
                return done
            told = tuple(found.error["breaches"])
            stage = stage.after(found, self.journal.top.run.pauses)
            if stage.spent:
                said = f"{member.name} used up what the step {step.id} may take."
                return replace(done, error=f"{said} {done.error}", spent=True)
        return done

    def _inputs(self, step: PlanStep) -> dict[str, Any]:
        sources = step.sources()
        found: dict[str, Any] = {}
        for name, value in step.inputs.items():
            if name in sources:
                source, part = sources[name]
                value = self.done[source].payload
                if part is not None:
                    value = value.get(part) if isinstance(value, dict) else None
            found[name] = value
        return found

    def _judged(self, outcome: Outcome, member: MemberSpec, step: PlanStep) -> Outcome:
        """A member's answer as a message to whoever builds on it; or why it is none."""
        if outcome.error is not None:
            return outcome
        payload, confidence, wrong = read_answer(str(outcome.output["text"]), member)
        if wrong:
            said = f"{member.name}'s answer broke its contract: {'; '.join(wrong)}"
            outcome.error = {"code": BROKEN, "message": said, "breaches": wrong}
            return outcome
        users = [one.id for one in self.plan.steps if step.id in one.needs]
        to = ", ".join(users) or "verifier"
        result = message(self.journal.run, member.slug, to, "result", payload, confidence)
        outcome.output["message"] = result.as_json()
        return outcome


def _payload(step: PlanStep, inputs: dict[str, Any], told: tuple[str, ...]) -> dict[str, Any]:
    payload: dict[str, Any] = {"step": step.id, "goal": step.goal, "inputs": inputs}
    if told:
        payload["sent_back"] = list(told)
    return payload


def _as_done(step: StepState, slug: str, said: str, tainted: bool) -> Done:
    tainted = tainted or bool(step.output.get("tainted"))
    if step.error is not None:
        spent = step.error.get("code") in PASSED
        return Done(None, slug, error=str(step.error.get("message")), tainted=tainted, spent=spent)
    if said != step.output["text"]:  # a guardrail withheld it
        return Done(None, slug, error=said.removeprefix("Error: "), tainted=tainted)
    result = step.output["message"]
    return Done(result["payload"], slug, result["confidence"], tainted=tainted)


def shown(payload: Any) -> str:
    """A result in words."""
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
