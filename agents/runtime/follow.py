"""Following a run: what was missed, then what comes, wherever the run is held.

While it waits, a follower holds a future and a timer: no thread and no connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from django.conf import settings

from agents.runtime import hub, sql
from agents.runtime.events import Cursor, Event
from agents.runtime.log import Reader, RunLog
from agents.runtime.store import load_run, log_of
from tenants.pool import tenant_connection


async def follow(run_id: UUID, after: Cursor) -> AsyncGenerator[list[Event], None]:
    """The run's events after `after`, in batches as they come; ends with the run.

    An empty batch is a heartbeat: nothing happened for STREAM_HEARTBEAT_SECONDS. The caller has
    checked the right to see the run, and iterates under the run's tenant.
    """
    cursor = after
    while True:
        log = hub.find(run_id)
        if log is not None:
            async for batch, read in _live(log, cursor):
                cursor = read
                yield batch
            if not _given_up(log):
                return
        async for batch, read in _recorded(run_id, cursor):
            cursor = read
            yield batch
        if cursor is _END:
            return


_END = Cursor(-1, -1)


def _given_up(log: RunLog) -> bool:
    """Whether a log ended without the run's end: another owner goes on, the journal tells."""
    last = log.entries[-1] if log.entries else None
    kind = last.type if isinstance(last, Event) else ""
    return log.ended and kind not in ("run.completed", "run.failed", "run.cancelled")


async def _live(log: RunLog, cursor: Cursor) -> AsyncIterator[tuple[list[Event], Cursor]]:
    reader = Reader(log, cursor)
    while True:
        batch = reader.take()
        if batch:
            yield batch, reader.cursor
        elif reader.finished:
            return
        elif not await log.changed(settings.STREAM_HEARTBEAT_SECONDS):
            yield [], reader.cursor


async def _recorded(run_id: UUID, cursor: Cursor) -> AsyncIterator[tuple[list[Event], Cursor]]:
    """From the journal: everything so far, then whatever is added, until the run is held here."""
    known: tuple[object, ...] | None = None
    quiet = 0.0
    while True:
        async with tenant_connection() as conn:
            state = await (await conn.execute(sql.JOURNAL_STATE, {"run_id": run_id})).fetchone()
            if state is None:  # deleted meanwhile
                yield [], _END
                return
            run = await load_run(conn, run_id) if state != known else None
        if run is not None:
            known = state
            reader = Reader(log_of(run), cursor)
            batch = reader.take()
            cursor = reader.cursor
            ended = reader.log.ended
            if batch or ended:
                quiet = 0.0
                yield batch, _END if ended else cursor
            if ended:
                return
        if hub.find(run_id) is not None:
            yield [], cursor
            return
        await asyncio.sleep(settings.FOLLOW_POLL_SECONDS)
        quiet += settings.FOLLOW_POLL_SECONDS
        if quiet >= settings.STREAM_HEARTBEAT_SECONDS:
            quiet = 0.0
            yield [], cursor
