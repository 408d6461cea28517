"""The journal of a child run: written under its root's fence, in its root's order of positions."""

from __future__ import annotations

from uuid import UUID

from agents.ids import uuid7_under
from agents.runtime import child_sql, hub
from agents.runtime.faults import Parked
from agents.runtime.journal import Journal
from agents.runtime.log import RunLog
from agents.runtime.outcomes import Ending
from agents.runtime.questions import has_come
from agents.runtime.state import TERMINAL, RunState
from agents.runtime.store import ended_event, log_of
from tenants.pool import tenant_connection


class ChildJournal(Journal):
    """Of a run whose work is a delegation of the run `above`. It has no ticket of its own.

    `tainted`: it has read what nobody vouches for, so what it says is to be taken with care.
    """

    finish_statement = child_sql.FINISH_CHILD
    finish_with_step_statement = child_sql.FINISH_CHILD_WITH_STEP

    def __init__(self, run: RunState, above: Journal, events: RunLog) -> None:
        super().__init__(run, above.fence, events, on_finish=self._tell_end, above=above)
        self.tainted = False

    def _tell_end(self) -> None:
        self.log.publish(ended_event(self.run))
        self.log.end()

    async def pause(self) -> None:
        """Raises Parked while nothing that waits at this run or below it is decided or due.

        Whether the tree is parked is for its root to say, when nothing of it can go on.
        """
        await self.flush()
        async with self._lock, tenant_connection() as conn:
            questions = await self._questions(conn, [self, *self.below()])
        wakes = self.wake_times()
        waits = (questions or wakes) and not has_come(wakes)
        if waits and all(asked is not None for asked in questions):
            raise Parked


def child_run_id(above: UUID, key: str) -> UUID:
    """The id of the child run of a step: always the same, so that it is found again."""
    return uuid7_under(above, key)


def restored(child: RunState, above: Journal) -> ChildJournal:
    """The journal of a child run that was begun before, with what it had come to."""
    recorded = above.recorded.values()
    child.below = [one for one in recorded if _is_below(one, child, above.recorded)]
    events = log_of(child)
    events.above = above.log
    if child.status not in TERMINAL:
        child.status = "running"
    return ChildJournal(child, above, events)


def _is_below(one: RunState, top: RunState, known: dict[UUID, RunState]) -> bool:
    above = known.get(one.parent_id) if one.parent_id is not None else None
    while above is not None:
        if above is top:
            return True
        above = known.get(above.parent_id) if above.parent_id is not None else None
    return False


async def end_children(journal: Journal, ending: Ending) -> None:
    """End what is live below a run that ends: the deepest first, as cancelled by its end."""
    live: dict[UUID, RunState] = {
        child.id: child for child in journal.recorded.values() if child.status not in TERMINAL
    }
    live |= {one.run.id: one.run for one in journal.tree.values()}
    for child in sorted(live.values(), key=lambda one: -one.depth):
        if child.status in TERMINAL or not _hangs_on(child, journal, live):
            continue
        own = journal.tree.get(child.id)
        if own is None:
            assert child.parent_id is not None
            above = journal.tree.get(child.parent_id, journal)
            assert isinstance(above, Journal)
            own = restored(child, above)
        assert isinstance(own, ChildJournal)
        await own.finish(Ending("cancelled", error=_because(ending)))


def _hangs_on(child: RunState, journal: Journal, live: dict[UUID, RunState]) -> bool:
    at = child
    while at.parent_id is not None and at.parent_id != journal.run.id:
        if at.parent_id not in live:
            return False
        at = live[at.parent_id]
    return at.parent_id == journal.run.id


def _because(ending: Ending) -> dict[str, str]:
    if ending.status == "cancelled":
        return {"code": "cancelled", "message": "The run was cancelled."}
    return {
        "code": "parent_ended",
        "message": "The run that it was a part of ended before it.",
    }


def put_away(journal: Journal) -> None:
    """Nobody here goes on with what is still in the tree: followers read the journals."""
    for own in journal.tree.values():
        if not own.log.ended:
            own.log.end()
        hub.drop(own.run.id, own.log, soon=False)
