"""The nodes of one level, by Kahn's order: each starts when what it needs is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.runtime.faults import HandedOver
from agents.runtime.workflow.ending import end_nodes
from agents.runtime.workflow.node import run_node, skip
from agents.runtime.workflow.place import Place
from agents.runtime.workflow.values import Result, Values, result_of
from agents.workflows.links import Edge, edges, needs
from agents.workflows.order import Order
from agents.workflows.parts import Source
from agents.workflows.spec import BaseNode, reference_root

if TYPE_CHECKING:
    from agents.runtime.workflow.flow import Flow


_MOST_NOTES = 200  # nodes that only work something out are written together up to here


@dataclass(frozen=True)
class Level:
    """What is known of a level before anything runs: worked out once, used for every round."""

    nodes: Mapping[str, BaseNode]
    needs: Mapping[str, Sequence[str]]
    into: Mapping[str, Sequence[Edge]]
    read: frozenset[str]
    ends: tuple[str, ...]
    places: Mapping[str, int]

    @classmethod
    def of(cls, nodes: Sequence[BaseNode], result: Mapping[str, Source]) -> Level:
        found = edges(nodes)
        into: dict[str, list[Edge]] = {node.id: [] for node in nodes}
        for edge in found:
            into[edge.target].append(edge)
        given = [reference for source in result.values() for reference in source.references]
        taken = {edge.source for edge in found if edge.kind == "data"}
        busy = taken | {edge.source for edge in found if edge.kind == "branch"}
        busy |= {edge.target for edge in found if edge.kind == "fallback"}
        return cls(
            nodes={node.id: node for node in nodes},
            needs=needs(nodes, found),
            into=into,
            read=frozenset(taken | {reference_root(one)[0] for one in given}),
            ends=tuple(node.id for node in nodes if node.id not in busy),
            places={node.id: place for place, node in enumerate(nodes)},
        )


class Scope:
    """One run through a level."""

    def __init__(self, flow: Flow, level: Level, place: Place) -> None:
        self.flow = flow
        self.level = level
        self.place = place
        self.values = Values(level.nodes, place.roots)
        self._order = Order(level.needs)
        self._running: dict[asyncio.Task[Result | None], str] = {}
        self._ended: list[asyncio.Task[Result | None]] = []
        self._woken: asyncio.Future[None] | None = None
        self._waiting: list[str] = []
        self._leaving = False

    async def run(self, *, first: bool = False) -> bool:
        """Until all nodes are over (`first`: until one is completed); False when the rest waits.

        Raises NodeFault when a node failed that may not, and what ends the run: what still ran is
        cancelled by then.
        """
        if first:
            self._recall()
        try:
            while True:
                if first and self._first() is not None:
                    return True
                if not self._leaving:
                    self._start_ready()
                if not self._running:
                    break
                await asyncio.sleep(0)  # what has just begun writes by itself, with what is noted
                notes = self.flow.journal.notes
                waits = not any(task.done() for task in self._running)
                if notes and (waits or notes >= _MOST_NOTES):
                    await self.flow.journal.flush()
                await self._wait()
        except BaseException as error:
            await self._end_all(error)
            raise
        finally:
            await self._end_all(None)
        if self._leaving:
            raise HandedOver
        return self._order.done

    def first_output(self) -> dict[str, Any]:
        """Of a race: what was there first, by its node."""
        name = self._first()
        return {} if name is None else {name: self.values.results[name].output}

    def outputs(self) -> dict[str, Any]:
        """What came out of each node that ran."""
        found = {}
        for name in self.level.nodes:
            result = self.values.standing(name)
            if result is not None and result.completed:
                found[name] = result.output
        return found

    @property
    def tainted(self) -> bool:
        return any(result.tainted for result in self.values.results.values())

    def _recall(self) -> None:
        """Of a race that was run before: who was there first stays the first."""
        for name in self.level.nodes:
            step = self.flow.journal.finished(self.place.key(name))
            if step is not None and (result := result_of(step)).completed:
                self.values.results[name] = result

    def _first(self) -> str | None:
        """Of those that are completed the first by the journal, whoever asks and when."""
        found = [name for name, result in self.values.results.items() if result.completed]
        return min(found, key=self._ended_at, default=None)

    def _ended_at(self, name: str) -> int:
        step = self.flow.journal.finished(self.place.key(name))
        return step.finished_position or 0 if step is not None else 0

    # --- starting ---------------------------------------------------------------------------------

    def _start_ready(self) -> None:
        while ready := self._order.ready():
            for name in ready:
                if self._is_reached(name):
                    self._start(name)
                else:
                    self._over(name, skip(self.flow, self.level.nodes[name], self.place))

    def _is_reached(self, name: str) -> bool:
        """Whether a branch to it was taken, or none leads to it."""
        ways = [edge for edge in self.level.into[name] if edge.kind in ("branch", "fallback")]
        return not ways or any(self._is_taken(edge) for edge in ways)

    def _is_taken(self, edge: Edge) -> bool:
        result = self.values.results[edge.source]
        if edge.kind == "fallback":
            return result.status == "failed"
        return result.completed and result.taken == edge.label

    def _start(self, name: str) -> None:
        results = self.values.results
        tainted = self.place.tainted or any(
            results[edge.source].tainted
            for edge in self.level.into[name]
            if edge.kind != "after" and edge.source in results
        )
        work = run_node(
            self.flow,
            self.level.nodes[name],
            self.place,
            self.values,
            read=name in self.level.read,
            tainted=tainted,
        )
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = name
        task.add_done_callback(self._note_end)

    def _over(self, name: str, result: Result) -> None:
        self.values.results[name] = result
        self._order.finish(name)

    # --- waiting ----------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until one that runs is over, or what others wait for may have come."""
        turn = self.flow.turn() if self._waiting else None
        if not self._ended:
            self._woken = asyncio.get_running_loop().create_future()
            if turn is not None:
                turn.add_done_callback(self._wake)
            try:
                await self._woken
            finally:
                self._woken = None
                if turn is not None:
                    turn.remove_done_callback(self._wake)
        if turn is not None and turn.done():
            again, self._waiting = self._waiting, []
            for name in again:
                self._start(name)
        self._take_ended()

    def _note_end(self, task: asyncio.Task[Result | None]) -> None:
        self._ended.append(task)
        self._wake(task)

    def _wake(self, _: asyncio.Future[Any]) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _take_ended(self) -> None:
        """What they came to. Raises what one of them raised."""
        # In the order of the graph's own, so that of several faults it is always the same.
        ended, self._ended = [task for task in self._ended if task in self._running], []
        for task in sorted(ended, key=lambda one: self.level.places[self._running[one]]):
            name = self._running.pop(task)
            if task.cancelled():  # handed over between two steps: the others finish theirs
                self._leaving = True
                continue
            result = task.result()
            if result is None:
                self._waiting.append(name)
            else:
                self._over(name, result)

    async def _end_all(self, error: BaseException | None) -> None:
        running, self._running = self._running, {}
        await end_nodes(running, error)
