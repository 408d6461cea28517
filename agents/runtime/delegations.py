"""Delegating: a step of one run whose work is a child run, begun once and found again.

Step and child run are written together, under an id that follows from the parent and the step's
key. Entered again, the child run goes on where its own journal ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from langchain_core.messages import ToolMessage

from agents.budgets import Share
from agents.guardrails.of_tenant import plan_for
from agents.models_llm.protocol import ToolCall
from agents.runtime import hub
from agents.runtime.build import Built, BuiltTeam, built
from agents.runtime.child_journal import ChildJournal, child_run_id, restored
from agents.runtime.delegation_steps import (
    KIND,
    delegate_ended,
    opened_of,
    outcome_of,
    refused,
    started,
)
from agents.runtime.guarding import RunGuard, input_looked
from agents.runtime.journal import Journal
from agents.runtime.leader_tool import read_call
from agents.runtime.log import RunLog
from agents.runtime.model_shown import shown_model
from agents.runtime.outcomes import Ending, Outcome
from agents.runtime.shares import PASSED, UNLIMITED, Stage, fallback_key, fallback_of
from agents.runtime.state import TERMINAL, OpenStep, RunState, StepState
from agents.runtime.store import started_event
from agents.specs import MemberSpec
from tenants.accounts.principal import principal_of

CarryChild = Callable[[ChildJournal, Built, bool], Awaitable[Ending | None]]
Judge = Callable[[Outcome], Outcome]


@dataclass(frozen=True, slots=True)
class _Task:
    given: Any
    tainted: bool = False
    handed: dict[str, Any] | None = None
    stage: Stage = UNLIMITED


class Delegations:
    """The members of one run of a team, at work. `carry` runs a child run to its end or pause."""

    stage = UNLIMITED
    """What one delegation may use, where that is less than its own limits."""

    def __init__(
        self, journal: Journal, team: BuiltTeam, guard: RunGuard | None, carry: CarryChild
    ) -> None:
        self.journal = journal
        self.team = team
        self.guard = guard
        self.carry = carry
        self.stage = Stage.of(team.spec.stage)
        self._room = asyncio.Semaphore(team.spec.at_once)

    async def call(self, key: str, call: ToolCall, *, alone: bool = False) -> ToolMessage | None:
        """One call of the leader, and what it is told of it; None while the member waits."""
        step = self.outcome(key)
        if step is None:
            arguments = call.parsed if call.parsed is not None else call.arguments
            wanted = call.error or read_call(self.team.spec, call.name, arguments)
            if isinstance(wanted, str):
                step = await self.refuse(key, call.name, "bad_delegation", wanted)
            else:
                step = await self.give(key, *wanted)
        if step is None:
            return None
        text = str(step.output["text"])
        return ToolMessage(
            content=text if self.guard is None else await self.guard.message(step),
            tool_call_id=call.id,
            name=call.name,
            status="error" if step.error else "success",
        )

    async def give(
        self, key: str, member: MemberSpec, task: Any, *, tainted: bool = False
    ) -> StepState | None:
        """`delegate`; and where the member used up what it had, the same to its fallback."""
        step = await self.delegate(key, member, task, tainted=tainted)
        other = fallback_of(self.team.spec, member, step)
        if other is None:
            return step
        return await self.delegate(fallback_key(key), other, task, tainted=tainted)

    def outcome(self, key: str) -> StepState | None:
        """The finished step of what was given under the key: the fallback's, where there is one."""
        step = self.journal.finished(key)
        if step is None or (step.error or {}).get("code") not in PASSED:
            return step
        slug = (step.input.get("member") or {}).get("slug")
        member = next((one for one in self.team.spec.members if one.slug == slug), None)
        if member is None or fallback_of(self.team.spec, member, step) is None:
            return step
        return self.journal.finished(fallback_key(key))

    async def delegate(
        self,
        key: str,
        member: MemberSpec,
        task: Any,
        *,
        tainted: bool = False,
        handed: dict[str, Any] | None = None,
        judge: Judge | None = None,
        stage: Stage | None = None,
    ) -> StepState | None:
        """The member's run on the task, to its end: the finished step. None while it waits.

        A member that fails, or may not be asked, makes a step with an error, not an exception.
        `tainted`: the task holds what was read from outside. `handed`: the message that the task
        is, kept with the step. `judge` may make another outcome of what the member answers.
        `stage`: what is left of one that has several tries.
        """
        done = self.journal.finished(key)
        if done is not None:
            return done
        async with self._room:
            journal = await self._journal_of(
                key, member, _Task(task, tainted, handed, stage or self.stage)
            )
            if isinstance(journal, StepState):
                return journal
            child = journal.run
            step = self.journal.find(key)
            assert step is not None
            if child.status not in TERMINAL:
                agent = await built(child.revision_id)
                tainted = bool(step.input.get("tainted"))
                if await self.carry(journal, agent, tainted) is None:
                    return None
            if self.journal.root.cancel_requested:  # the child's end is written, and so is ours
                raise asyncio.CancelledError
            return await self._end(opened_of(step), journal, member, judge)

    async def said(self, step: StepState) -> tuple[str, bool]:
        """What a delegation came to, as others may be told, and whether that is nothing."""
        withheld = ""
        if step.error is None and self.guard is not None:
            withheld = await self.guard.withheld(step)
        return withheld or str(step.output["text"]), bool(withheld) or step.error is not None

    def tainted_before(self, turn: int) -> bool:
        """Whether a member of an earlier turn, or who asked this run, had read from outside."""
        found = self.journal.steps_of(KIND)
        return (self.guard is not None and self.guard.tainted) or any(
            (step.output or {}).get("tainted") and _turn(step.key) < turn for step in found
        )

    # --- the child run ----------------------------------------------------------------------------

    async def _journal_of(
        self, key: str, member: MemberSpec, task: _Task
    ) -> ChildJournal | StepState:
        """Of the step's child run, as it is at work, or recorded, or from now on; or a refusal."""
        child_id = child_run_id(self.journal.run.id, key)
        found = self.journal.tree.get(child_id)
        if isinstance(found, ChildJournal):
            return found
        recorded = self.journal.recorded.get(child_id)
        if recorded is not None:
            journal = restored(recorded, self.journal)
        else:
            agent = await self._allowed(member)
            if isinstance(agent, tuple):
                return await self.refuse(key, member.name, *agent)
            journal = await self._begin(key, member, task, agent)
        journal.allowed = Share(member.tokens, member.cost) & task.stage.share
        given = (member.seconds, task.stage.seconds)
        journal.allowed_seconds = min((one for one in given if one is not None), default=None)
        if journal.run.status not in TERMINAL:
            self.journal.tree[child_id] = journal
            hub.put(child_id, journal.log)
        return journal

    async def _allowed(self, member: MemberSpec) -> Built | tuple[str, str]:
        """What runs for this member; or code and sentence of why nothing does."""
        journal = self.journal
        if why := self.too_deep():
            return "too_deep", why
        revision = (journal.root.roster or {}).get(member.key)
        if revision is None:
            return "member_unknown", f"{member.name} was not published when the run was started."
        agent = await built(revision)
        who = await principal_of(journal.run.member_id)
        roles = agent.spec.run_roles
        if who is None or (roles and not set(roles) & set(who.roles)):
            return "not_allowed", f"The member this run acts for may not run {member.name}."
        return agent

    def too_deep(self) -> str:
        """Why a child run can't be deeper than this one, or ""."""
        teams = [self.journal, *self.journal.ancestors()]
        if sum(one.run.kind == "team" for one in teams) <= settings.TEAM_DEPTH_MAX:
            return ""
        return f"Teams may be {settings.TEAM_DEPTH_MAX} deep, and this one is."

    async def _begin(self, key: str, member: MemberSpec, task: _Task, agent: Built) -> ChildJournal:
        above, spec = self.journal, agent.spec
        plan = await plan_for(agent.digest, spec.guardrails)
        given_task = input_looked(plan, task.given).value  # as it may be written anywhere
        model = await shown_model(agent)
        child_id = child_run_id(above.run.id, key)
        given: dict[str, Any] = {
            "member": {"kind": member.kind, "slug": member.slug, "name": member.name},
            "task": given_task,
            "run_id": str(child_id),
        }
        if task.tainted or self.tainted_before(_turn(key)):
            given["tainted"] = True
        if task.handed is not None:  # what may not be kept of the task isn't kept there either
            same = given_task == task.given
            given["message"] = task.handed if same else {**task.handed, "payload": given_task}
        limits = (spec.limits.seconds, member.seconds, task.stage.seconds)
        left = max(above.run.deadline_clock - time.monotonic(), 0.0)
        seconds = min(left, *(limit for limit in limits if limit is not None))
        revision_id = (above.root.roster or {})[member.key]
        child = RunState(
            id=child_id,
            kind=spec.kind,
            slug=spec.slug,
            revision=0,
            revision_id=revision_id,
            session_id=above.run.session_id,
            parent_id=above.run.id,
            member_id=above.run.member_id,
            status="running",
            input=given_task,
            output=None,
            error=None,
            model=model,
            input_tokens=0,
            output_tokens=0,
            position=0,
            resumes=0,
            trace_id=above.run.trace_id,
            created_at=None,
            started_at=None,
            finished_at=None,
            deadline_at=None,
            time_zone=above.run.time_zone,
            member_name=above.run.member_name,
            username=above.run.username,
            deadline_clock=time.monotonic() + seconds,
            root=above.root.id,
            depth=above.run.depth + 1,
        )
        logs: list[RunLog] = []

        def begun() -> None:
            logs.append(RunLog(child.source, above.log))
            logs[0].publish(started_event(child))

        await above.begin_child(key, member.name, child, given, seconds, begun)
        return ChildJournal(child, above, logs[0])

    # --- its end ----------------------------------------------------------------------------------

    async def _end(
        self, opened: OpenStep, journal: ChildJournal, member: MemberSpec, judge: Judge | None
    ) -> StepState:
        child = journal.run
        agent = await built(child.revision_id)
        tainted = journal.tainted or any(tool.untrusted for tool in agent.tools.values())
        outcome = outcome_of(child, member.name, tainted=tainted)
        if judge is not None:
            outcome = judge(outcome)
        step = await self.journal.end_child(opened, outcome, self._ended)
        self.journal.tree.pop(child.id, None)
        hub.drop(child.id, journal.log)
        return step

    def _ended(self, opened: OpenStep, step: StepState) -> None:
        self.journal.log.publish(delegate_ended(self.journal.log.source, step))

    async def refuse(self, key: str, name: str, code: str, why: str) -> StepState:
        """A delegation that isn't made: a step with the reason."""
        given = {"member": {"kind": None, "slug": None, "name": name}, "task": "", "run_id": None}

        async def work(step: OpenStep) -> Outcome:
            return refused(code, why)

        def told(step: OpenStep) -> None:
            self.journal.log.publish(started(self.journal.log.source, step))

        return await self.journal.step(
            key, KIND, name[:200] or "?", work, input=given, on_start=told, on_end=self._ended
        )


def _turn(key: str) -> int:
    """The leader's turn that a delegation belongs to; 0 where there are no turns."""
    parts = key.split(":")
    return int(parts[1]) if parts[0] == "turn" and parts[1].isdecimal() else 0
