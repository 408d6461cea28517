"""What waits for the next write of a run, or of any run of its tree, and is told in its order.

Positions are given when something happens and not when it is written. So whoever writes takes along
what all journals of the tree hold back: what has a place is durable before anything after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agents.runtime import node_rows, sql
from agents.runtime.many_sql import MANY
from agents.runtime.node_rows import NodeRow, NodeWord
from agents.runtime.state import OpenStep, StepState
from agents.runtime.verdict_rows import VerdictRow, as_records, tripped_event

if TYPE_CHECKING:
    from agents.runtime.writing import Writing

Note = Callable[[OpenStep, StepState], None]
Part = tuple[str, "list[Queued]"]
"""A statement with its values, and what of the queue it writes."""


@dataclass(slots=True, eq=False)
class Queued:
    """A write with its place in the journal's order. One of those that wait makes it, with all the
    others that wait then: hundreds of steps that begin at once are one round trip.
    """

    position: int
    statement: str
    values: dict[str, Any]
    told: Callable[[Any], None]
    """Called with the statement's row once that is durable, in the order of positions."""
    kept: bool = False
    """Nobody waits for it, so that it goes along with a write of another's, or the next one after
    that if it fails. Lost with the process, what it tells of is done again.
    """
    row: Any = None
    error: BaseException | None = None
    _wake: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        return self.row is not None or self.error is not None

    async def settled(self) -> None:
        """Returns when it is over, or is its own to write: whoever was to has gone."""
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake

    def settle(self) -> bool:
        """Have `settled` return; False when nobody waits there."""
        if self._wake is None or self._wake.done():
            return False
        self._wake.set_result(None)
        return True


@dataclass(slots=True)
class Rider:
    """What one journal has to take along."""

    journal: Writing
    verdicts: list[VerdictRow]
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    words: list[NodeWord] = field(default_factory=list)
    queued: list[Queued] = field(default_factory=list)

    def is_only(self, one: Queued) -> bool:
        """Whether nothing else is to be taken along."""
        return self.queued == [one] and not (self.verdicts or self.nodes or self.words)

    def parts(self, bind: Callable[[Any, Any], str]) -> list[Part]:
        ids = self.journal.ids()
        parts: list[Part] = []
        if self.verdicts:
            values = {**ids, "verdicts": as_records(self.verdicts)}
            parts.append((bind(sql.VERDICTS, values), []))
        if self.nodes:
            values = {**ids, "nodes": node_rows.as_records(self.nodes.values())}
            parts.append((bind(node_rows.NODES, values), []))
        alike: dict[str, list[Queued]] = {}
        for one in self.queued:
            alike.setdefault(one.statement, []).append(one)
        for statement, group in alike.items():
            many = MANY.get(statement) if len(group) > 1 else None
            if many is None:
                parts += [(bind(statement, one.values), [one]) for one in group]
            else:
                values = {**ids, "steps": many.steps(one.values for one in group)}
                parts.append((bind(many.statement, values), group))
        return parts

    def put_back(self, error: BaseException) -> None:
        """It could not be written: written twice is no harm, not at all would be. Who waits for a
        write of his is told.
        """
        self.journal.put_back(self.verdicts, [one for one in self.queued if one.kept])
        self.journal.put_back_nodes(self.nodes, self.words)
        for one in self.queued:
            if not one.kept:
                one.error = error
                one.settle()


def tell(riders: list[Rider], at: datetime) -> None:
    """What rode along is durable since `at`: say so in the order of the journal."""
    said: list[tuple[int, Rider, VerdictRow | NodeWord | Queued]] = []
    for rider in riders:
        for one in rider.verdicts:
            one.step.started_at = at - timedelta(seconds=one.seconds)
            one.step.finished_at = at
            said.append((one.step.finished_position or 0, rider, one))
        said += [(word.position, rider, word) for word in rider.words]
        said += [(one.position, rider, one) for one in rider.queued]
    for _, rider, thing in sorted(said, key=lambda entry: entry[0]):
        if isinstance(thing, Queued):
            try:
                thing.told(thing.row)
            finally:
                thing.settle()
            continue
        if isinstance(thing, NodeWord):
            log = rider.journal.log
            log.publish(thing.event(log.source, at))
            continue
        event = tripped_event(rider.journal.log.source, thing.step)
        if event is not None:
            rider.journal.log.publish(event)
