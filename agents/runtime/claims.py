"""The claim loop of an executor: which waiting runs it takes, when it looks, and when it needn't.

Looking costs a statement, so nobody looks without a reason: a start that found no room, a slot that
got free while others wait, word from another process, or the poll that makes up for lost words.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings

from agents.runtime import claim_sql, ticket_sql
from config.load import load
from tenants.concurrency import is_limited
from tenants.context import current_tenant, use_shared, use_tenant
from tenants.directory import by_slug
from tenants.pool import tenant_connection

if TYPE_CHECKING:
    from agents.runtime.executor import Executor

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 50  # runs taken by one claim
_ENTERING_AT_ONCE = 6  # of them: a connection each
_LOCK = 0x636F6E63_636C6169  # of claims under limits; advisory locks are per database


class Claims:
    """`behind`: runs wait that had no room here. Then a start must not pass them by."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.behind = False
        self.entering = 0  # claimed, and on their way to being held
        self._after = ""  # the tenant served last
        self._now = asyncio.Event()
        self._done = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue as soon as possible."""
        self._now.set()

    def slot_freed(self, limited: bool) -> None:
        """A run ended here: take the next one, if one may be waiting for just that."""
        if self.behind or limited:
            self.wake()

    def starts_queued(self) -> bool:
        """Whether a run of the current tenant that starts now has to queue for a claim.

        Without room; behind others that wait for room; or where a limit counts runs, exactly and
        across processes, which only a claim does.
        """
        return self.executor.room == 0 or self.behind or is_limited(current_tenant().schema)

    async def keep(self) -> None:
        """Claim until `finish`; at once when woken, else every EXECUTOR_POLL_SECONDS."""
        polled = True
        try:
            with use_shared():
                while self.executor.capacity and not self.executor.draining:
                    try:
                        await self._look(polled)
                    except Exception as error:  # the database is away for a while
                        log.warning("executor: %s: %s", type(error).__name__, error)
                    polled = not await self._woken()
        finally:
            self._done.set()

    async def _woken(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.EXECUTOR_POLL_SECONDS):
                await self._now.wait()
        woken = self._now.is_set()
        self._now.clear()
        return woken

    async def finish(self) -> None:
        """Claim no more; returns when a claim under way is over. The executor drains."""
        self.wake()
        await self._done.wait()

    async def _look(self, polled: bool) -> None:
        """Take waiting runs until there is no room, or none waits that may be taken."""
        if polled:
            async with tenant_connection() as conn:
                await conn.execute(ticket_sql.FREE_EXPIRED)
                await conn.execute(ticket_sql.UNPARK_DUE)
        while True:
            room = self.executor.room
            if room == 0:
                self.behind = True
                return
            picked, rows = await self._claim(min(room, _MOST_AT_ONCE))
            if picked == 0:
                self.behind = False
                return
            if rows:
                self._after = rows[-1][1]
                for _, schema, _ in rows:
                    load.queue.claimed(schema)
            self.entering += len(rows)
            few = asyncio.Semaphore(_ENTERING_AT_ONCE)
            await asyncio.gather(*(self._enter(few, *row) for row in rows))

    async def _claim(self, most: int) -> tuple[int, list[tuple[UUID, str, int]]]:
        """How many could be taken, and those that were: others may have been faster."""
        values: dict[str, Any] = {
            "owner": self.executor.owner,
            "lease": settings.LEASE_SECONDS,
            "limit": most,
            "after": self._after,
            "lock": _LOCK,
            "tenant_limit": settings.TENANT_CONCURRENT_RUNS,
            "member_limit": settings.MEMBER_CONCURRENT_RUNS,
        }
        async with tenant_connection() as conn:
            # Two statements in one message: one transaction, each with a snapshot of its own.
            cursor = await conn.execute(f"{claim_sql.SERIALISE};{claim_sql.CLAIM}", values)
            cursor.nextset()
            rows: Any = await cursor.fetchall()
        return rows[0][0], [row[1:] for row in rows if row[1] is not None]

    async def _enter(self, few: asyncio.Semaphore, run_id: UUID, schema: str, fence: int) -> None:
        async with few:
            try:
                await self._enter_in_tenant(run_id, schema, fence)
            except Exception as error:  # of one run; the others are claimed as well
                log.warning("run %s not entered: %s: %s", run_id, type(error).__name__, error)
                self.executor.leases.owe(run_id)
            finally:
                self.entering -= 1

    async def _enter_in_tenant(self, run_id: UUID, schema: str, fence: int) -> None:
        ref = await by_slug(schema)
        if ref is None:  # suspended: its runs wait until it is active again
            await self.executor.release([run_id], later=settings.TENANT_CACHE_SECONDS)
            return
        with use_tenant(ref):
            await self.executor.enter(run_id, fence)

    async def take(self, run_id: UUID) -> bool:
        """Carry on this very run of the current tenant, if nobody holds it; past every limit.

        For a run that is to be cancelled: it needs no slot to end.
        """
        values = {
            "run_id": run_id,
            "owner": self.executor.owner,
            "lease": settings.LEASE_SECONDS,
        }
        with use_shared():
            async with tenant_connection() as conn:
                row = await (await conn.execute(claim_sql.CLAIM_ONE, values)).fetchone()
        if row is None:
            return False
        try:
            await self.executor.enter(run_id, row[0])
        except Exception:
            self.executor.leases.owe(run_id)
            raise
        return True
