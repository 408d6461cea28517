"""A team's run, by its mode: how the leader and its members come to one answer.

The leader is an agent whose calls are delegations. Like an agent's loop these are deterministic
outside their steps: entered again, finished members are not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping

from langchain_core.messages import HumanMessage

from agents.models_llm.protocol import ToolCall
from agents.runtime.agent_loop import AgentLoop, tool_key
from agents.runtime.budget import check_own
from agents.runtime.build import BuiltTeam
from agents.runtime.delegations import CarryChild, Delegations
from agents.runtime.faults import NeedsReview
from agents.runtime.guarding import RunGuard
from agents.runtime.journal import Journal
from agents.runtime.state import StepState
from agents.runtime.together import all_at_once
from agents.specs import MemberSpec

# Before what members said, in what the leader of a broadcast is asked.
SAID = "Each member of the team was asked this. Their answers:"


def judge_known(step: StepState) -> None:
    """A member whose effects can't be known is for a person to judge: raises NeedsReview."""
    if step.output["status"] == "needs_review":
        raise NeedsReview(
            "member_needs_review",
            f"{step.name} stopped where only a person can tell what happened: see its run.",
            step=step.seq,
            run_id=step.output["run_id"],
        )


class CoordinateLoop(AgentLoop):
    """The leader gives out tasks, is told what they came to, and answers."""

    def __init__(
        self,
        journal: Journal,
        team: BuiltTeam,
        history: list[tuple[str, str]],
        variables: Mapping[str, str],
        guard: RunGuard | None,
        carry: CarryChild,
    ) -> None:
        self.delegations = Delegations(journal, team, guard, carry)
        self.team = team.spec
        super().__init__(journal, team, history, variables, guard, self.delegations)

    def answered_by(self, turn: int, calls: list[ToolCall]) -> str | None:
        self._check([self.delegations.outcome(tool_key(turn, at)) for at in range(len(calls))])
        return None

    def _check(self, steps: list[StepState | None]) -> None:
        """What a member read from outside taints who is told of it: from the next turn on."""
        for step in steps:
            if step is None or step.output is None:
                continue
            judge_known(step)
            if step.output.get("tainted"):
                self._taint()

    def _taint(self) -> None:
        if self.guard is not None:
            self.guard.tainted = True


class RouteLoop(CoordinateLoop):
    """The leader picks one member, whose answer is the answer; or answers by itself.

    A member that fails is told to the leader, who may pick another.
    """

    def calls_of(self, output: dict[str, object]) -> list[ToolCall]:
        return super().calls_of(output)[:1]

    def answered_by(self, turn: int, calls: list[ToolCall]) -> str | None:
        super().answered_by(turn, calls)
        step = self.delegations.outcome(tool_key(turn, 0))
        if step is None or step.error is not None:
            return None
        return str(step.output["text"])


class BroadcastLoop(CoordinateLoop):
    """Every member gets the input at once; the leader makes one answer of what they say."""

    async def answer(self) -> str:
        if self.guard is not None:
            await self.guard.enter()
        steps = await self._ask_all()
        self._check([*steps])
        check_own(self.journal)
        self.messages[-1] = HumanMessage(await self._asked(steps))
        step = await self._model_turn(0)
        return str(step.output["text"])

    async def _ask_all(self) -> list[StepState]:
        """Raises Parked while one of them waits for people and none works."""
        while True:
            members = enumerate(self.team.members)
            found = await all_at_once([self._ask(at, member) for at, member in members])
            steps = [step for step in found if step is not None]
            if len(steps) == len(found):
                return steps
            await self.journal.pause()

    async def _ask(self, at: int, member: MemberSpec) -> StepState | None:
        key = f"member:{at}:{member.slug}"
        return await self.delegations.give(key, member, str(self.journal.run.input))

    async def _asked(self, steps: list[StepState]) -> str:
        parts = [str(self.journal.run.input), SAID]
        for member, step in zip(self.team.members, steps, strict=True):
            text = str(step.output["text"])
            said = text if self.guard is None else await self.guard.message(step)
            parts.append(f"## {member.name}\n{said}")
        return "\n\n".join(parts)
