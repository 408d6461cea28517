"""Leases of an executor: one statement renews them all, and tells of cancels and of runs lost.

On the same beat the executor says that it is there, pays what it owes the queue, and looks whether
another process of this machine has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from agents.runtime import ticket_sql
from agents.runtime.owner import host_of, is_dead
from config.metrics import LEASES_LOST
from tenants.context import use_shared
from tenants.pool import tenant_connection

if TYPE_CHECKING:
    from agents.runtime.executor import Executor

log = logging.getLogger(__name__)


class Leases:
    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._owed: set[UUID] = set()
        self._now = asyncio.Event()

    def owe(self, run_id: UUID) -> None:
        """A run that can't go on here: its ticket goes back as soon as the database takes it."""
        self._owed.add(run_id)

    async def keep(self) -> None:
        """Renew and look around until cancelled."""
        await self.beat(first=True)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(settings.LEASE_RENEW_SECONDS):
                    await self._now.wait()
            self._now.clear()
            await self.beat()

    def hurry(self) -> None:
        """Look now: a tenant may have been suspended."""
        self._now.set()

    async def beat(self, *, first: bool = False) -> None:
        """Everything once. A database that is away for a while must not end the executor."""
        try:
            with use_shared():
                await self._renew()
                await self._pay()
                await self._say()
                await self._recover(first)
        except Exception as error:
            log.warning("executor: %s: %s", type(error).__name__, error)

    async def _renew(self) -> None:
        held = self.executor.fences()
        if not held:
            return
        values = {
            "owner": self.executor.owner,
            "lease": settings.LEASE_SECONDS,
            "runs": list(held),
        }
        async with tenant_connection() as conn:
            rows = await (await conn.execute(ticket_sql.RENEW, values)).fetchall()
        renewed = {run_id: told for run_id, *told in rows}
        lost, suspended = [], []
        now_held = self.executor.fences()
        for run_id, fence in held.items():
            if now_held.get(run_id) != fence:  # ended or claimed again meanwhile
                continue
            now, cancel, active = renewed.get(run_id, (None, False, True))
            if now != fence:
                lost.append(run_id)  # whoever has it goes on from the journal
            elif cancel:
                self.executor.cancel(run_id)
            elif not active:
                suspended.append(run_id)
        LEASES_LOST.inc(len(lost))
        await self.executor.let_go(lost)
        if suspended:  # they wait in the queue until their tenant is active again
            await self.executor.let_go(suspended)
            await self.executor.release(suspended)

    async def _pay(self) -> None:
        owed = [run_id for run_id in self._owed if run_id not in self.executor.fences()]
        await self.executor.release(owed)
        self._owed.clear()
        if owed:
            self.executor.wake()

    # --- the fleet --------------------------------------------------------------------------------

    async def _say(self) -> None:
        """Tell the fleet's page that this executor is there, and how it is."""
        values = {
            "owner": self.executor.owner,
            "host": host_of(self.executor.owner),
            "kind": self.executor.kind,
            "capacity": self.executor.capacity,
            "draining": self.executor.draining,
        }
        async with tenant_connection() as conn:
            await conn.execute(ticket_sql.SEEN, values)

    async def leave(self) -> None:
        """Strike this executor off."""
        with use_shared():
            async with tenant_connection() as conn:
                await conn.execute(ticket_sql.GONE, {"owners": [self.executor.owner]})

    async def _recover(self, first: bool) -> None:
        """Free at once what dead processes of this machine held; others' leases run out.

        At first also owners that never got round to saying that they are there.
        """
        own = {"host": host_of(self.executor.owner), "owner": self.executor.owner}
        async with tenant_connection() as conn:
            rows = await (await conn.execute(ticket_sql.NEIGHBOURS, own)).fetchall()
            if first:
                rows += await (await conn.execute(ticket_sql.OWNERS)).fetchall()
            dead = sorted({row[0] for row in rows if is_dead(row[0])})
            if not dead:
                return
            cursor = await conn.execute(ticket_sql.RELEASE_OWNERS, {"owners": dead})
            await conn.execute(ticket_sql.GONE, {"owners": dead})
        log.info("recovering %s run(s) of a process that is gone", cursor.rowcount)
        if cursor.rowcount:
            self.executor.wake()
