"""A team with a task list: the leader keeps it, members do what is ready, until it answers."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import ToolMessage

from agents.models_llm.protocol import ToolCall
from agents.runtime.messages import task_text
from agents.runtime.plans import member_of
from agents.runtime.task_board import Board, Task
from agents.runtime.team_loops import CoordinateLoop, judge_known
from agents.runtime.together import Growing


class TaskLoop(CoordinateLoop):
    """Each turn the leader changes the list; before the next, all that can be done is done."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.board = Board(self.team)
        self._begun: set[str] = set()

    def answered_by(self, turn: int, calls: list[ToolCall]) -> str | None:
        return None

    async def _told(self, turn: int, calls: list[ToolCall]) -> list[ToolMessage]:
        told = [self._noted(call) for call in calls]
        await self._work_off()
        told[-1].content = f"{told[-1].content}\n{self._shown()}"
        return told

    def _noted(self, call: ToolCall) -> ToolMessage:
        arguments = call.parsed if call.parsed is not None else call.arguments
        said, wrong = (call.error, True) if call.error else self.board.apply(call.name, arguments)
        return ToolMessage(
            content=f"Error: {said}" if wrong else said,
            tool_call_id=call.id,
            name=call.name,
            status="error" if wrong else "success",
        )

    def _shown(self) -> str:
        said = self.board.shown()
        return said if self.guard is None else self.guard.data(said)

    # --- the work ---------------------------------------------------------------------------------

    async def _work_off(self) -> None:
        """Until nothing more is ready. Raises Parked while one waits and none can go on."""
        while True:
            self._begun = set()
            await Growing().all(self._begin_ready)
            if not self.board.ready():
                break
            await self.journal.pause()
        if any(task.tainted for task in self.board.tasks.values()):
            self._taint()  # the leader is told of it

    def _begin_ready(self, work: Growing) -> None:
        for task in self.board.ready():
            if task.id not in self._begun:
                self._begun.add(task.id)
                work.begin(self._go(task, work))

    async def _go(self, task: Task, work: Growing) -> None:
        member = member_of(self.team, task.assignee)
        assert member is not None
        before = [self.board.tasks[need] for need in task.depends_on]
        given = {one.id: one.result for one in before if one.result}
        step = await self.delegations.give(
            f"task:{task.id}:{task.tries}",
            member,
            task_text(task.goal, given, member, ()),
            tainted=any(one.tainted for one in before),
        )
        if step is None:
            return
        judge_known(step)
        task.result, failed = await self.delegations.said(step)
        task.status = "failed" if failed else "done"
        task.tainted = task.tainted or bool(step.output.get("tainted"))
        self._begin_ready(work)
