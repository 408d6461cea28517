"""A team that plans: a planner's typed plan, members who carry it out, and a verifier over them."""

from __future__ import annotations

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agents.models_llm.protocol import ToolCall
from agents.runtime.agent_loop import FIRST_STEP
from agents.runtime.aside import ask_aside
from agents.runtime.budget import check_budget, check_own
from agents.runtime.faults import RunFault
from agents.runtime.messages import message
from agents.runtime.outcomes import Outcome
from agents.runtime.plan_work import PLANNER, PlanWork, shown
from agents.runtime.plans import SUBMIT, Plan, plan_schema, read_plan
from agents.runtime.reviewing import reviewed
from agents.runtime.state import OpenStep
from agents.runtime.team_loops import SAID, CoordinateLoop
from agents.runtime.verifying import (
    Verdict,
    by_rules,
    draft,
    questions,
    read_verdict,
    verdict_schema,
)

REVIEW = "review"


class PlanLoop(CoordinateLoop):
    """The leader plans and in the end answers; it does nothing in between."""

    async def answer(self) -> str:
        assert self.team.plan is not None
        if self.guard is not None:
            await self.guard.enter()
        plan = await self._plan()
        work = PlanWork(self.journal, self.team, plan, self.delegations)
        for at in range(self.team.plan.rounds + 1):
            done = await work.all()
            if any(one.tainted for one in done.values()):
                self._taint()
            check_own(self.journal)
            verdict = await self._verify(at, work)
            if verdict.verdict == "pass":
                return await self._answer(work)
            if verdict.verdict == "escalate" or at == self.team.plan.rounds:
                break
            work.send_back(verdict.steps, verdict.reasons)
        text = draft(self.team, plan, work.done)
        roles = self.team.plan.review_roles
        return await reviewed(self.journal, REVIEW, text, verdict.reasons, roles)

    # --- the plan ---------------------------------------------------------------------------------

    async def _plan(self) -> Plan:
        """What the planner submits; told what is wrong, it may try again, as often as allowed."""
        assert self.team.plan is not None
        messages: list[BaseMessage] = list(self.messages)
        tool = plan_schema(self.team)
        wrong: list[str] = []
        for at in range(self.team.plan.rejections + 1):
            key = f"plan:{at}:model"
            call, said = await ask_aside(self.journal, self.agent, self.guard, key, messages, tool)
            plan = await self._read(f"plan:{at}", call)
            if isinstance(plan, Plan):
                return plan
            wrong = plan
            messages += _sent_back(call, said, wrong)
        raise RunFault(
            "plan_broken", f"The planner gave no plan that can be carried out: {'; '.join(wrong)}"
        )

    async def _read(self, key: str, call: ToolCall | None) -> Plan | list[str]:
        if call is None:
            plan: Plan | list[str] = [f"Submit the plan with {SUBMIT}: nothing else is one."]
        elif call.error is not None:
            plan = [call.error]
        else:
            plan = read_plan(self.team, call.parsed)

        async def work(step: OpenStep) -> Outcome:
            if isinstance(plan, Plan):
                return Outcome({"steps": plan.model_dump(mode="json")["steps"]})
            why = f"The plan broke its contract: {'; '.join(plan)}"
            return Outcome({"steps": None}, {"code": "plan_broken", "message": why})

        payload = call.parsed if call is not None else None
        handed = message(self.journal.run, PLANNER, "team", "plan", payload)
        given = {"message": handed.as_json()}
        await self.journal.step(key, "plan", "plan", work, input=given, may_wait=True)
        return plan

    # --- the verdict ------------------------------------------------------------------------------

    async def _verify(self, at: int, work: PlanWork) -> Verdict:
        assert self.team.plan is not None
        input = str(self.journal.run.input)
        verdict = by_rules(self.team, work.plan, input, work.done)
        by = "rules"
        if verdict.verdict == "pass" and self.team.plan.verifier:
            by = "model"
            asked = questions(self.team, work.plan, input, work.done, self.guard)
            tool = verdict_schema(work.plan)
            key = f"verify:{at}:model"
            call, _ = await ask_aside(self.journal, self.agent, self.guard, key, asked, tool)
            verdict = read_verdict(work.plan, call)

        async def record(step: OpenStep) -> Outcome:
            return Outcome({**verdict.as_json(), "by": by})

        await self.journal.step(f"verify:{at}", "verify", "verifier", record, may_wait=True)
        return verdict

    # --- the answer -------------------------------------------------------------------------------

    async def _answer(self, work: PlanWork) -> str:
        names = {member.slug: member.name for member in self.team.members}
        parts = [str(self.journal.run.input), SAID]
        for step in work.plan.steps:
            done = work.done[step.id]
            said = shown(done.payload)
            if self.guard is not None:
                said = self.guard.data(said)
            parts.append(f"## {names.get(done.member, done.member)}\n{said}")
        self.messages[-1] = HumanMessage("\n\n".join(parts))
        if self.journal.finished(FIRST_STEP) is None:
            await check_budget(self.journal)
        answered = await self._model_turn(0)
        return str(answered.output["text"])


def _sent_back(call: ToolCall | None, said: str, wrong: list[str]) -> list[BaseMessage]:
    """The planner's own turn as it is shown to it again, and what was wrong with it."""
    told = "The plan was rejected:\n" + "\n".join(f"- {line}" for line in wrong)
    told += "\nSubmit the whole plan again, mended."
    if call is None:
        return [AIMessage(said), HumanMessage(told)]
    made = {"name": call.name, "args": call.parsed or {}, "id": call.id, "type": "tool_call"}
    return [
        AIMessage(content=said, tool_calls=[made]),
        ToolMessage(content=told, tool_call_id=call.id, name=call.name, status="error"),
    ]
