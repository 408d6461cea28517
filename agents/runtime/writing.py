"""How a run's journal gets into the database: one write after the other, with all that waits.

Writes of a tree are serialised by a lock, so that the order of positions is the order of commits
and of events. What comes while one is under way queues up, and the next one takes all of it along:
one round trip and one transaction for hundreds of steps that begin, or end, at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncClientCursor, Error

from agents.budgets import NO_LIMIT
from agents.runtime.faults import Fenced
from agents.runtime.log import RunLog
from agents.runtime.node_journal import NodeJournal
from agents.runtime.riding import Queued, Rider, tell
from agents.runtime.state import RunState
from agents.runtime.verdict_rows import VerdictRow
from tenants.outage import database_away
from tenants.pool import tenant_connection

T = TypeVar("T")


class Writing(NodeJournal):
    """The journal of one run as a place in its tree, and its way into the database.

    `tree`: the journals of the child runs that are at work, at any depth, by their ids. All of a
    tree share it and one lock: one order of positions, commits and events. `recorded`: its child
    runs as they were when the root was entered. `limit`: of the run with all below it;
    `allowed`: what its team lets it use of its own.
    """

    def __init__(self, run: RunState, fence: int, events: RunLog, above: Writing | None) -> None:
        """`above`: the journal of the run that this one is a child of."""
        super().__init__(run, above.root if above is not None else None)
        self.above = above
        self.top: Writing = above.top if above is not None else self
        self.tree: dict[UUID, Writing] = above.tree if above is not None else {}
        self.recorded: dict[UUID, RunState] = (
            above.recorded if above is not None else {child.id: child for child in run.below}
        )
        self.limit = NO_LIMIT
        self.allowed = NO_LIMIT
        self.allowed_seconds: float | None = None
        self.fence = fence
        self.log = events
        self._lock: asyncio.Lock = above._lock if above is not None else asyncio.Lock()
        self._queue: list[Queued] = []
        # Of the root's: what is queued in the tree is about to be written, maybe by one of these.
        self._writer_waits = False
        self._writers: set[asyncio.Task[None]] = set()

    def below(self) -> list[Writing]:
        """The journals of the child runs at work below this one, at any depth."""
        return [one for one in self.tree.values() if self in one.ancestors()]

    def ancestors(self) -> list[Writing]:
        """The journals above this one, the nearest first."""
        found, above = [], self.above
        while above is not None:
            found.append(above)
            above = above.above
        return found

    def ids(self) -> dict[str, Any]:
        """The values that every statement on this journal takes."""
        return {"run_id": self.run.id, "root_id": self.root.id, "fence": self.fence}

    async def flush(self) -> None:
        """Write what was held back, if there is anything: before the run is let go."""
        async with self._lock:
            await self._flush()

    async def _flush(self) -> None:
        riders = self._riders()
        if riders:
            await self._send(riders)

    def _riders(self) -> list[Rider]:
        """What this journal and the others of its tree hold back: now the caller's to write."""
        found = []
        for journal in self._journals():
            if journal._verdicts or journal.notes or journal._queue:
                nodes, words = journal.take_nodes()
                found.append(Rider(journal, journal._verdicts, nodes, words, journal._queue))
                journal._verdicts, journal._queue = [], []
        return found

    def put_back(self, verdicts: list[VerdictRow], kept: list[Queued]) -> None:
        """What could not be written waits again."""
        self._verdicts[:0] = verdicts
        self._queue[:0] = kept

    async def _write(self, statement: str, values: dict[str, Any], also: str = "") -> Any:
        """`also`: another statement with the same values, which gives no rows."""
        return (await self._write_row(statement, values, also))[0]

    async def _write_row(self, statement: str, values: dict[str, Any], also: str = "") -> Any:
        values |= self.ids()
        row = await self._send(self._riders(), statement, values, also)
        if row is None:
            raise Fenced(str(self.root.id))
        return row

    async def _queued(
        self, position: int, statement: str, values: dict[str, Any], told: Callable[[Any], None]
    ) -> None:
        """Write it, with all that waits in the tree at that moment; returns when it is told."""
        entry = Queued(position, statement, values | self.ids(), told)
        self._queue.append(entry)
        await self._over(entry)

    def _later(
        self, position: int, statement: str, values: dict[str, Any], told: Callable[[Any], None]
    ) -> None:
        """Have it written along with the next write of the tree."""
        self._queue.append(Queued(position, statement, values | self.ids(), told, kept=True))

    def _soon(
        self, position: int, statement: str, values: dict[str, Any], told: Callable[[Any], None]
    ) -> Queued:
        """Have it written while the caller goes on, who awaits `_over` before it writes more."""
        entry = Queued(position, statement, values | self.ids(), told)
        self._queue.append(entry)
        if not self.top._writer_waits:
            self.top._writer_waits = True
            task = asyncio.get_running_loop().create_task(self._write_for(entry))
            self.top._writers.add(task)
            task.add_done_callback(self.top._writers.discard)
        return entry

    async def _write_for(self, entry: Queued) -> None:
        try:
            await self._write_queue(entry)
        except Exception as error:
            entry.error = entry.error or error  # for who awaits it
        finally:
            entry.settle()

    async def _over(self, entry: Queued) -> None:
        """Returns when it is written and told. Raises why it isn't."""
        try:
            while not entry.is_over:
                if self.top._writer_waits or entry not in self._queue:
                    await entry.settled()
                else:
                    await self._write_queue(entry)
        except BaseException as error:
            if entry in self._queue:
                self._queue.remove(entry)
                self._pass_on()
            if error is not entry.error:
                raise
        if isinstance(entry.error, Error) and not database_away(entry.error):
            async with self._lock:  # maybe another's fault: the whole message came to nothing
                await self._send_alone(entry)
        elif entry.error is not None:
            raise entry.error

    async def _write_queue(self, own: Queued) -> None:
        """As soon as the lock is free: all that waits in the tree by then."""
        self.top._writer_waits = True
        try:
            await self._lock.acquire()
        finally:
            self.top._writer_waits = False  # who comes from now on waits for the next write
        try:
            if not own.is_over or any(one._queue for one in self._journals()):
                await self._send_queue(own)
        finally:
            self._lock.release()

    def _pass_on(self) -> None:
        """Who was to write the queues has gone: another of those that wait in them does."""
        if not self.top._writer_waits:
            any(one.settle() for journal in self._journals() for one in journal._queue)

    def _journals(self) -> dict[Writing, None]:
        """All of the tree that are at work, and this one."""
        return dict.fromkeys((self.top, *self.tree.values(), self))

    async def _send_queue(self, own: Queued) -> None:
        riders = self._riders()
        if len(riders) == 1 and riders[0].is_only(own):
            await self._send_alone(own)
        else:
            await self._send(riders)

    async def _send_alone(self, entry: Queued) -> None:
        entry.row = await self._send([], entry.statement, entry.values)
        if entry.row is None:
            raise Fenced(str(self.root.id))
        entry.told(entry.row)

    async def _send(
        self,
        riders: list[Rider],
        statement: str = "",
        values: dict[str, Any] | None = None,
        also: str = "",
    ) -> Any:
        """The row of `statement`, if there is one; None under a stale fence, which without a
        statement, or with riders, raises Fenced.
        """
        if not riders and not also:
            async with tenant_connection() as conn:
                return await (await conn.execute(statement, values)).fetchone()
        together = self._send_together(riders, statement, values, also)
        # What others wait for isn't given up when the one who writes it is.
        return await (whole(together) if any(one.queued for one in riders) else together)

    async def _send_together(
        self, riders: list[Rider], statement: str, values: dict[str, Any] | None, also: str
    ) -> Any:
        """All in one message, which Postgres takes as one transaction."""
        try:
            async with tenant_connection() as conn:
                bind = AsyncClientCursor(conn).mogrify
                # The root's last: with its end the ticket is gone that guards them all.
                parts = [part for rider in reversed(riders) for part in rider.parts(bind)]
                texts = [text for text, _ in parts]
                texts += [bind(one, values) for one in (statement, also) if one]
                cursor = await conn.execute(";".join(texts))
                rows = [await _next_row(cursor, number) for number in range(len(parts))]
                if None in rows:
                    raise Fenced(str(self.root.id))
                row = await _next_row(cursor, len(parts)) if statement else None
        except BaseException as error:
            for rider in riders:
                rider.put_back(error)
            raise
        for (_, written), got in zip(parts, rows, strict=True):
            for one in written:
                one.row = got
        if riders:
            tell(riders, rows[0][0])
        return row


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even when the caller is cancelled meanwhile; then pass that on."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.cancelled():
            await asyncio.wait({task})
            task.exception()  # looked at: who would have had it is told of the cancellation
        raise


async def _next_row(cursor: Any, number: int) -> Any:
    """The first row of the statement of this number, whose turn it is."""
    if number:
        cursor.nextset()
    return await cursor.fetchone()
