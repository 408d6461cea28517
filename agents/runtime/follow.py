"""Following a run: what was missed, then what comes, wherever the run is held.

While it waits, a follower holds a future and a timer: no thread and no connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from uuid import UUID

from django.conf import settings

from agents.runtime import hub, ticket_sql
from agents.runtime.events import START, Cursor, Event
from agents.runtime.executor import executor
from agents.runtime.log import Reader
from agents.runtime.state import TERMINAL
from agents.runtime.store import load_run, log_of
from agents.runtime.watch import Watch
from tenants.context import current_tenant
from tenants.outage import database_away
from tenants.pool import tenant_connection

# How often to look at a run elsewhere while no word of it can come.
_DEAF_SECONDS = 1.0
_SELDOM = 3


async def follow(run_id: UUID, after: Cursor) -> AsyncGenerator[list[Event], None]:
    """The run's events after `after`, in batches as they come; ends with the run.

    An empty batch is a heartbeat: nothing happened for STREAM_HEARTBEAT_SECONDS. The caller has
    checked the right to see the run, and iterates under the run's tenant.
    """
    cursor = after
    while True:
        log = hub.find(run_id)
        if log is not None:
            reader = Reader(log, cursor)
            while (batch := reader.take()) or not reader.finished:
                if batch or not await log.changed(settings.STREAM_HEARTBEAT_SECONDS):
                    cursor = reader.cursor
                    yield batch
            if not hub.given_up(log):
                return
        async for batch, read in _elsewhere(run_id, cursor):
            cursor = read
            yield batch
        if cursor is _END:
            return


_END = Cursor(-1, -1)


async def _elsewhere(run_id: UUID, cursor: Cursor) -> AsyncIterator[tuple[list[Event], Cursor]]:
    """From the journal: everything so far; then word from whoever holds it, until it is held here.

    The journal is looked at again now and then, and whenever what is heard doesn't fit.
    """
    watch = executor().switchboard.watch(current_tenant().schema, run_id)
    try:
        elsewhere = _Elsewhere(run_id, cursor, watch)
        while not elsewhere.over:
            try:
                async for batch in elsewhere.read():
                    yield batch, elsewhere.cursor
            except Exception as error:
                if not database_away(error):
                    raise
                # The client stays: the run goes on when the database is back.
                yield [], elsewhere.cursor
                await asyncio.sleep(_DEAF_SECONDS)
                continue
            async for batch in elsewhere.listen():
                yield batch, elsewhere.cursor
    finally:
        watch.close()


class _Elsewhere:
    """A follower's place in a run that another process holds, or nobody."""

    def __init__(self, run_id: UUID, cursor: Cursor, watch: Watch) -> None:
        self._run_id = run_id
        self._watch = watch
        self._known: Any = None
        self._owner = ""
        self._anew = False
        self._told = time.monotonic()
        self.cursor = cursor
        self.over = False

    async def read(self) -> AsyncIterator[list[Event]]:
        """What the journal has beyond the cursor."""
        async with tenant_connection() as conn:
            asked = await conn.execute(ticket_sql.FOLLOWED, {"run_id": self._run_id})
            row = await asked.fetchone()
            if row is None:  # deleted meanwhile
                yield self._end([])
                return
            *state, owner = row
            run = await load_run(conn, self._run_id) if state != self._known else None
        self._known, self._owner = state, owner or ""
        if run is not None:
            reader = Reader(log_of(run, under_way=True), self.cursor)
            batch = reader.take()
            self._anew = self._anew or reader.cursor != self.cursor
            self.cursor = reader.cursor
            if reader.log.ended:
                yield self._end(batch)
            elif batch:
                yield self._tell(batch)

    async def listen(self) -> AsyncIterator[list[Event]]:
        """What is heard, until it is time to read again."""
        # A run that waits may do so for long, and who takes it says so: seldom is enough.
        seldom = 1 if self._owner else _SELDOM
        until = time.monotonic() + settings.FOLLOW_POLL_SECONDS * seldom
        while not self.over:
            if hub.find(self._run_id) is not None:
                self.over = True
                return
            await self._watch.ask(self._owner, self.cursor, anew=self._anew)
            self._anew = False
            now = time.monotonic()
            quiet_until = self._told + settings.STREAM_HEARTBEAT_SECONDS
            look_at = until if self._watch.hears else min(until, now + _DEAF_SECONDS)
            heard = await self._watch.heard(self.cursor, max(min(look_at, quiet_until) - now, 0))
            if heard is None:
                self._anew = True
                return
            if heard:
                self.cursor = heard[-1].cursor
                yield self._end(heard) if hub.ends(heard[-1], self._run_id) else self._tell(heard)
            elif time.monotonic() >= quiet_until:
                yield self._tell([])
            if time.monotonic() >= look_at:
                return

    def _tell(self, batch: list[Event]) -> list[Event]:
        self._told = time.monotonic()
        return batch

    def _end(self, batch: list[Event]) -> list[Event]:
        self.cursor, self.over = _END, True
        return batch


async def ended(run_id: UUID, seconds: float | None = None, *, or_paused: bool = False) -> bool:
    """Wait until a run of the current tenant has ended, at most `seconds`; whether it has.

    With `or_paused` a run that waits for people is waited for no longer. For those who want the end
    and not the events: no text travels for them.
    """
    watch: Watch | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                log = hub.find(run_id)
                if log is not None:
                    while not log.ended:
                        await log.changed(settings.STREAM_HEARTBEAT_SECONDS)
                    if not hub.given_up(log):
                        return True
                try:
                    async with tenant_connection() as conn:
                        asked = await conn.execute(ticket_sql.FOLLOWED, {"run_id": run_id})
                        row = await asked.fetchone()
                except Exception as error:
                    if not database_away(error):
                        raise
                    await asyncio.sleep(_DEAF_SECONDS)
                    continue
                if row is None or row[0] in TERMINAL or (or_paused and row[0] == "paused"):
                    return True
                if watch is None:
                    schema = current_tenant().schema
                    watch = executor().switchboard.watch(schema, run_id, end_only=True)
                await _word(watch, row[-1] or "")
    except TimeoutError:
        return False
    finally:
        if watch is not None:
            watch.close()


async def _word(watch: Watch, owner: str) -> None:
    """Wait for word of the run's end, or until it is time to look."""
    until = time.monotonic() + (settings.FOLLOW_POLL_SECONDS if watch.hears else _DEAF_SECONDS)
    while (left := until - time.monotonic()) > 0:
        await watch.ask(owner, START)
        if await watch.heard(START, left) is None:
            return
