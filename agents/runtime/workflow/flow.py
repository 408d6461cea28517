"""A workflow's run: its graph over the journal, from where that ends to the output."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from agents.guardrails.looking import first_block, look_at_data
from agents.guardrails.plan import UNGUARDED, Plan
from agents.guardrails.schema_check import value_complaints
from agents.guardrails.verdicts import Stage
from agents.runtime.delegations import CarryChild
from agents.runtime.faults import RunFault
from agents.runtime.guarding import RunGuard, blocked
from agents.runtime.journal import Journal
from agents.runtime.state import StepState
from agents.runtime.workflow.built import BuiltWorkflow
from agents.runtime.workflow.listening import Listening
from agents.runtime.workflow.place import Place, title_of
from agents.runtime.workflow.scope import Level, Scope
from agents.runtime.workflow.values import NodeFault
from agents.workflows.parts import Source
from agents.workflows.spec import BaseNode

log = logging.getLogger(__name__)
_SAME_MOMENT = 0.1  # seconds


class Flow:
    """One entry into one run of a workflow. `tainted`: what it was given comes from outside."""

    def __init__(
        self,
        journal: Journal,
        workflow: BuiltWorkflow,
        plan: Plan | None,
        carry: CarryChild,
        *,
        tainted: bool = False,
    ) -> None:
        self.journal = journal
        self.graph = workflow.spec.graph
        self.plan = plan or UNGUARDED
        self.carry = carry
        self.guard = RunGuard(journal, self.plan)
        self.guard.tainted = tainted
        self._levels: dict[int, Level] = {}
        self._listening: Listening | None = None
        self._turn: asyncio.Future[None] | None = None
        at_once = self._at_once(self.graph.limits.concurrency)
        self._place = Place(
            roots={"input": journal.run.input},
            rooms=(asyncio.Semaphore(at_once),),
            at_once=at_once,
            tainted=tainted,
        )

    async def answer(self) -> Any:
        """The workflow's output. Raises Parked while it waits, and RunFault when it failed, with
        what there is of the output all the same.
        """
        await self.guard.enter()
        try:
            while True:
                self.journal.wakes.clear()
                scope = Scope(self, self.level(self.graph.nodes, self.graph.result), self._place)
                try:
                    over = await scope.run()
                except NodeFault as fault:
                    fault.partial = self._output(scope) or None
                    fault.detail["finished"] = sorted(scope.outputs())
                    raise
                if over:
                    self.guard.tainted = self.guard.tainted or scope.tainted
                    return self._checked(self._output(scope))
                await self.journal.pause()
        finally:
            if self._listening is not None:
                await self._listening.close()

    def _output(self, scope: Scope) -> dict[str, Any]:
        if self.graph.result:
            return scope.values.there(self.graph.result)
        outputs = scope.outputs()
        return {name: outputs[name] for name in scope.level.ends if name in outputs}

    def _checked(self, output: dict[str, Any]) -> dict[str, Any]:
        """The output as it may be kept. Raises RunFault where it isn't what was declared."""
        stage = self.plan.at(Stage.OUTPUT)
        if stage is not None:
            looked, _ = look_at_data(stage, output)
            self.guard.record("output", looked.verdicts)
            if (block := first_block(looked.verdicts)) is not None:
                raise blocked(block)
            output = looked.value
        if self.graph.output is not None and (wrong := value_complaints(output, self.graph.output)):
            fault = RunFault("output_schema", f"The output isn't what is declared: {wrong[0]}.")
            fault.partial = output
            raise fault
        return output

    # --- for its nodes ----------------------------------------------------------------------------

    def begin(self, key: str, node: BaseNode, given: dict[str, Any]) -> StepState:
        """The node's step. Raises RunFault when the run has taken as many as it may."""
        if self.journal.find(key) is None and self.journal.size >= settings.WORKFLOW_MAX_STEPS:
            raise RunFault(
                "limit_steps",
                f"The run took the {settings.WORKFLOW_MAX_STEPS:,} steps that a workflow may.",
            )
        return self.journal.begin_node(key, title_of(node), given)

    def level(self, nodes: Sequence[BaseNode], result: Mapping[str, Source]) -> Level:
        found = self._levels.get(id(nodes))
        if found is None:
            found = self._levels[id(nodes)] = Level.of(nodes, result)
        return found

    def inside(self, place: Place, concurrency: int | None) -> Place:
        """Of a group: as the place around it, with its own limit of how many run at once."""
        if concurrency is None:
            return place
        at_once = min(self._at_once(concurrency), place.at_once)
        return replace(place, rooms=(asyncio.Semaphore(at_once), *place.rooms), at_once=at_once)

    def _at_once(self, concurrency: int) -> int:
        return min(concurrency, settings.WORKFLOW_CONCURRENCY_MAX)

    async def until(self, key: str, due: datetime) -> bool:
        """Wait for a time: here when it is near, else False, and the run is woken for it."""
        left = (due - datetime.now(UTC)).total_seconds()
        if left > settings.WORKFLOW_WAIT_HELD_SECONDS:
            self.journal.wakes[key] = due
            return False
        if left > 0:
            if self.journal.notes:
                await self.journal.flush()
            await asyncio.sleep(left)
        self.journal.wakes.pop(key, None)
        return True

    @property
    def time_is_up(self) -> bool:
        """Whether the run's own deadline is passed, or about to be. A member had what was left of
        it: which of the two alarms rings first is chance, what is said of it must not be.
        """
        return self.journal.run.deadline_clock - time.monotonic() < _SAME_MOMENT

    # --- what waiting nodes wait for --------------------------------------------------------------

    def turn(self) -> asyncio.Future[None]:
        """Done as soon as what some node waits for may have come, while others still run."""
        if self._turn is None or self._turn.done():
            self._turn = asyncio.get_running_loop().create_future()
        if self._listening is None:
            self._listening = Listening(self.journal, self._next_turn)
        self._listening.look()
        return self._turn

    def _next_turn(self) -> None:
        if self._turn is not None and not self._turn.done():
            with contextlib.suppress(asyncio.InvalidStateError):
                self._turn.set_result(None)
