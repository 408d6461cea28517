"""The executor: one event loop holding many claimed runs, with one lease renewal for all of them.

Every web process has one for the runs it starts. A run that its owner lost (killed, cut off) is
claimed again when its lease ends, or at once when the owner was a process of this machine that is
known to be gone, and goes on from its journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from uuid import UUID

import psycopg
from django.conf import settings

from agents.runtime import hub, sql, ticket_sql
from agents.runtime.build import built
from agents.runtime.engine import carry_on
from agents.runtime.faults import Fenced
from agents.runtime.log import RunLog
from agents.runtime.owner import is_dead, new_owner
from agents.runtime.state import Held
from agents.runtime.store import load_run, log_of
from config.metrics import FENCED, LEASES_LOST, RECOVERIES
from config.trace import run_context
from tenants.context import TenantRef, current_tenant, use_shared, use_tenant
from tenants.directory import by_slug
from tenants.pool import tenant_connection

log = logging.getLogger(__name__)


class Executor:
    """Owned by one event loop; its methods are called on that loop alone."""

    def __init__(self) -> None:
        self.owner = new_owner()
        self._runs: dict[UUID, tuple[asyncio.Task[None], Held]] = {}
        self._background: list[asyncio.Task[None]] = []
        self._claim_now = asyncio.Event()
        self.stopping = False

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin renewing, recovering and claiming. Returns at once."""
        for work in (self._renew_for_ever, self._claim_for_ever):
            task = asyncio.get_running_loop().create_task(work(), context=contextvars.Context())
            self._background.append(task)

    async def stop(self) -> None:
        """Stop at once: what runs here is let go for another owner, finished steps kept."""
        self.stopping = True
        held = list(self._runs)
        tasks = [task for task, _ in self._runs.values()]
        for task in [*self._background, *tasks]:
            task.cancel()
        await asyncio.gather(*self._background, *tasks, return_exceptions=True)
        try:
            await self._release(held)
        except psycopg.Error as error:  # the leases will run out by themselves
            log.warning("runs not released: %s: %s", type(error).__name__, error)

    @property
    def held(self) -> int:
        return len(self._runs)

    @property
    def room(self) -> int:
        return max(settings.EXECUTOR_CAPACITY - len(self._runs), 0)

    # --- runs -------------------------------------------------------------------------------------

    def adopt(self, held: Held, events: RunLog) -> None:
        """Carry on a run whose ticket this executor holds, in the current tenant."""
        ref = current_tenant()
        before = self._runs.get(held.run.id)
        if before is not None:  # claimed again here, after this loop was too busy to renew
            before[0].cancel()
        hub.put(held.run.id, events)
        task = asyncio.get_running_loop().create_task(
            self._hold(ref, held, events),
            context=run_context(held.run.id, held.run.trace_id, held.run.member_id),
        )
        self._runs[held.run.id] = (task, held)

    async def _hold(self, ref: TenantRef, held: Held, events: RunLog) -> None:
        run_id = held.run.id
        held.begun = True
        with use_tenant(ref):
            try:
                await carry_on(held, events)
            except Fenced:
                FENCED.inc()
                log.warning("run %s has another owner now", run_id)
            except asyncio.CancelledError:
                if not self.stopping:
                    log.info("run %s let go", run_id)
            except Exception:
                # The journal could not be written: the run stays live and is claimed again.
                log.exception("run %s could not go on here", run_id)
            finally:
                entry = self._runs.get(run_id)
                if entry is not None and entry[1] is held:
                    del self._runs[run_id]
                hub.drop(run_id, events, soon=events.ended)
                if not events.ended:
                    events.end()  # followers go on from the journal

    def cancel(self, run_id: UUID) -> bool:
        """End a run held here, as cancelled. False when it is not held here."""
        entry = self._runs.get(run_id)
        if entry is None:
            return False
        task, held = entry
        held.run.cancel_requested = True
        if held.begun:  # else the run sees the request itself before it does anything
            task.cancel()
        return True

    # --- claiming ---------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look for unowned tickets now instead of at the next poll."""
        self._claim_now.set()

    async def _claim_for_ever(self) -> None:
        with use_shared():
            await self._quietly(self._recover_dead())
            while True:
                await self._quietly(self._claim())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(settings.EXECUTOR_POLL_SECONDS):
                        await self._claim_now.wait()
                self._claim_now.clear()

    async def _quietly(self, work: object) -> None:
        """A database that is away for a while must not end the executor."""
        try:
            await work  # type: ignore[misc]
        except Exception as error:
            log.warning("executor: %s: %s", type(error).__name__, error)

    async def _recover_dead(self) -> None:
        async with tenant_connection() as conn:
            owners = [row[0] for row in await (await conn.execute(ticket_sql.OWNERS)).fetchall()]
            dead = [owner for owner in owners if is_dead(owner)]
            if dead:
                cursor = await conn.execute(ticket_sql.RELEASE_OWNERS, {"owners": dead})
                log.info("recovering %s run(s) of a process that is gone", cursor.rowcount)

    async def _claim(self) -> None:
        if self.room == 0:
            return
        async with tenant_connection() as conn:
            rows = await (
                await conn.execute(
                    ticket_sql.CLAIM,
                    {
                        "owner": self.owner,
                        "lease": settings.LEASE_SECONDS,
                        "limit": min(self.room, 50),
                    },
                )
            ).fetchall()
        for run_id, schema, fence, _ in rows:
            ref = await by_slug(schema)
            if ref is None:  # suspended: its runs wait until it is active again
                await self._release([run_id], later=True)
                continue
            with use_tenant(ref):
                await self._enter(run_id, fence)

    async def _enter(self, run_id: UUID, fence: int) -> None:
        """Load a claimed run and carry it on."""
        async with tenant_connection() as conn:
            run = await load_run(conn, run_id)
        if run is None:  # deleted with its session
            with use_shared():
                await self._forget(run_id)
            return
        agent = await built(run.revision_id)
        async with tenant_connection() as conn:
            queued = run.started_at is None
            if not queued:
                run.position += 1
            values = {
                "run_id": run_id,
                "fence": fence,
                "position": run.position,
                "seconds": agent.spec.limits.seconds,
            }
            if await (await conn.execute(sql.ENTER, values)).fetchone() is None:
                return
            if queued:
                run = await load_run(conn, run_id) or run
            RECOVERIES.inc(not queued)
        run.status = "running"
        self.adopt(Held(run, agent, fence, resumed=not queued), log_of(run))

    async def _forget(self, run_id: UUID) -> None:
        async with tenant_connection() as conn:
            await conn.execute(
                "DELETE FROM public.tickets_ticket WHERE run_id = %(run_id)s", {"run_id": run_id}
            )

    async def _release(self, runs: list[UUID], *, later: bool = False) -> None:
        if not runs:
            return
        with use_shared():
            async with tenant_connection() as conn:
                statement = ticket_sql.POSTPONE if later else ticket_sql.RELEASE
                await conn.execute(statement, {"owner": self.owner, "runs": runs})

    # --- leases -----------------------------------------------------------------------------------

    async def _renew_for_ever(self) -> None:
        with use_shared():
            while True:
                await asyncio.sleep(settings.LEASE_RENEW_SECONDS)
                if self._runs:
                    await self._quietly(self._renew())

    async def _renew(self) -> None:
        """One statement for all runs held; learn of cancels asked for and of runs lost."""
        held = {run_id: entry[1].fence for run_id, entry in self._runs.items()}
        async with tenant_connection() as conn:
            rows = await (
                await conn.execute(
                    ticket_sql.RENEW,
                    {
                        "owner": self.owner,
                        "lease": settings.LEASE_SECONDS,
                        "runs": list(held),
                    },
                )
            ).fetchall()
        renewed = {run_id: told for run_id, *told in rows}
        suspended = []
        for run_id, fence in held.items():
            entry = self._runs.get(run_id)
            if entry is None:
                continue
            now, cancel, active = renewed.get(run_id, (None, False, True))
            if now != fence:
                LEASES_LOST.inc()
                entry[0].cancel()  # lost: whoever has it goes on from the journal
            elif cancel:
                self.cancel(run_id)
            elif not active:
                entry[0].cancel()
                suspended.append(run_id)
        if suspended:  # they wait in the queue until their tenant is active again
            await asyncio.wait([entry[0] for entry in map(self._runs.get, suspended) if entry])
            await self._release(suspended, later=True)


_executors: dict[asyncio.AbstractEventLoop, Executor] = {}


def executor() -> Executor:
    """The running loop's executor, started on first use."""
    loop = asyncio.get_running_loop()
    found = _executors.get(loop)
    if found is None:
        found = _executors[loop] = Executor()
        found.start()
    return found


def running_executors() -> list[Executor]:
    """Those of this process, for figures about them."""
    return list(_executors.values())


async def stop_executor() -> None:
    found = _executors.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.stop()
