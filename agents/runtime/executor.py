"""The executor: one event loop holding many claimed runs.

Every web process has one for the runs it starts, `manage.py run_executor` is one alone. A run that
its owner lost (killed, cut off) is claimed again and goes on from its journal; one whose process
drains is handed over between two steps. Claiming is in `claims`, leases are in `leases`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Coroutine, Iterable
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings

from agents.runtime import child_sql, hub, leaving, sql, ticket_sql
from agents.runtime.build import built
from agents.runtime.claims import Claims
from agents.runtime.engine import carry_on
from agents.runtime.faults import Fenced
from agents.runtime.leases import Leases
from agents.runtime.log import RunLog
from agents.runtime.owner import new_owner
from agents.runtime.state import Held
from agents.runtime.store import load_run, log_of
from agents.runtime.switchboard import Switchboard
from config.cancelling import end_tasks
from config.load import load
from config.metrics import FENCED, RECOVERIES
from config.trace import run_context
from tenants import notices
from tenants.concurrency import is_limited
from tenants.context import TenantRef, current_tenant, use_shared, use_tenant
from tenants.outage import database_away
from tenants.pool import tenant_connection

log = logging.getLogger(__name__)


class Executor:
    """Owned by one event loop; its methods are called on that loop alone.

    `kind` is what the fleet's page calls it: "web" or "executor". A capacity of 0 holds no run:
    what is started here waits for another process.
    """

    def __init__(self, *, kind: str = "web", capacity: int | None = None) -> None:
        self.owner = new_owner()
        self.kind = kind
        self.capacity = settings.EXECUTOR_CAPACITY if capacity is None else capacity
        self.draining = False
        self.stopping = False
        self.claims = Claims(self)
        self.leases = Leases(self)
        self.switchboard = Switchboard(self)
        self._runs: dict[UUID, tuple[asyncio.Task[None], Held]] = {}
        self._schemas: dict[UUID, str] = {}
        self._background: list[asyncio.Task[None]] = []

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin listening, renewing, recovering and claiming. Returns at once."""
        for work in (self.switchboard.listen(), self.leases.keep(), self.claims.keep()):
            self._in_background(work)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        # An empty context: no tenant of whoever happened to come first.
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._background.append(task)

    async def drain(self, seconds: float) -> None:
        """Claim no more, and hand each run over at its next step boundary; wait so long at most.

        A model call or tool call under way may finish and be recorded. What still runs afterwards
        is for `stop`.
        """
        self.draining = True
        leaving.ask(self._runs)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.claims.finish()
                await self.leases.beat()
                if self._runs:
                    log.info("draining: %s run(s) are handed over", len(self._runs))
                    await asyncio.wait([task for task, _ in self._runs.values()])

    async def stop(self) -> None:
        """Stop at once: what runs here is let go for another owner, finished steps kept."""
        self.draining = self.stopping = True
        held = list(self._runs)
        tasks = [task for task, _ in self._runs.values()]
        await end_tasks([*self._background, *tasks])
        try:
            await self.release(held)
            await self.leases.leave()
        except psycopg.Error as error:  # the leases will run out by themselves
            log.warning("runs not released: %s: %s", type(error).__name__, error)
        await self.switchboard.close()

    @property
    def held(self) -> int:
        """How many runs are held here."""
        return len(self._runs)

    @property
    def room(self) -> int:
        """How many more runs may be held here."""
        taken = len(self._runs) + self.claims.entering + load.taking
        return 0 if self.draining else max(self.capacity - taken, 0)

    def starts_queued(self) -> bool:
        """Whether a run of the current tenant that starts now has to wait for a claim."""
        return self.claims.starts_queued()

    # --- runs -------------------------------------------------------------------------------------

    def fences(self) -> dict[UUID, int]:
        """The runs held here and the fence of each."""
        return {run_id: entry[1].fence for run_id, entry in self._runs.items()}

    def adopt(self, held: Held, events: RunLog) -> None:
        """Carry on a run whose ticket this executor holds, in the current tenant."""
        ref = current_tenant()
        run_id = held.run.id
        before = self._runs.get(run_id)
        if before is not None:  # claimed again here, after this loop was too busy to renew
            before[0].cancel()
        hub.put(run_id, events)
        task = asyncio.get_running_loop().create_task(
            self._hold(ref, held, events),
            context=run_context(held.run.id, held.run.trace_id, held.run.member_id),
        )
        self._runs[run_id] = (task, held)
        self._schemas[run_id] = ref.schema
        self.switchboard.adopted(ref.schema, run_id)

    async def _hold(self, ref: TenantRef, held: Held, events: RunLog) -> None:
        run_id = held.run.id
        with use_tenant(ref):
            try:
                await load.starts_first()
                held.begun = True
                await carry_on(held, events)
            except Fenced:
                FENCED.inc()
                log.warning("run %s has another owner now", run_id)
            except asyncio.CancelledError:
                if not self.stopping:
                    log.info("run %s let go", run_id)
                    await self._hand_over(run_id)
            except Exception as error:
                # The journal could not be written: the run stays live and is claimed again.
                if database_away(error):
                    log.warning("run %s waits for the database: %s", run_id, type(error).__name__)
                else:
                    log.exception("run %s could not go on here", run_id)
                self.leases.owe(run_id)
            finally:
                self._forget(held, events)

    async def _hand_over(self, run_id: UUID) -> None:
        """Give a run up that left between two steps, so that it goes on elsewhere at once."""
        if self.draining:
            try:
                await self.release([run_id])
            except psycopg.Error as error:
                log.warning("run %s not released: %s", run_id, type(error).__name__)
                return
            self.switchboard.announce()

    def _forget(self, held: Held, events: RunLog) -> None:
        run_id = held.run.id
        entry = self._runs.get(run_id)
        if entry is not None and entry[1] is held:
            del self._runs[run_id], self._schemas[run_id]
            leaving.forget(run_id)
        hub.drop(run_id, events, soon=events.ended)
        if not events.ended:
            events.end()  # followers go on from the journal
        self.claims.slot_freed(is_limited(current_tenant().schema))

    def cancel(self, run_id: UUID, schema: str | None = None) -> bool:
        """End a run held here, as cancelled. False when it is not held here (in that tenant)."""
        entry = self._runs.get(run_id)
        if entry is None or schema not in (None, self._schemas[run_id]):
            return False
        task, held = entry
        held.run.cancel_requested = True
        if held.begun:  # else the run sees the request itself before it does anything
            task.cancel()
        return True

    async def let_go(self, runs: Iterable[UUID]) -> None:
        """Stop these runs here and wait until they have. Their tickets are the caller's affair."""
        await end_tasks(entry[0] for entry in map(self._runs.get, runs) if entry)

    # --- tickets ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """A run waits: look now instead of at the next poll, here or where there is room."""
        if self.room:
            self.claims.wake()
        else:
            self.claims.behind = True
            self.switchboard.announce()

    async def enter(self, run_id: UUID, fence: int) -> None:
        """Load a claimed run of the current tenant and carry it on."""
        async with tenant_connection() as conn:
            run = await load_run(conn, run_id)
        if run is None:  # deleted with its session
            with use_shared():
                await self._forget_ticket(run_id)
            return
        agent = await built(run.revision_id)
        async with tenant_connection() as conn:
            queued, paused = run.started_at is None, run.paused
            values = {
                "run_id": run_id,
                "root_id": run_id,
                "fence": fence,
                "position": run.position,
                "seconds": agent.spec.limits.seconds,
            }
            if paused and run.below:
                await conn.execute(child_sql.RESUME_CHILDREN, values)
            entered = await (await conn.execute(sql.ENTER, values)).fetchone()
            if entered is None:
                return
            if queued or paused:  # with its times, or with what was decided until now
                run = await load_run(conn, run_id) or run
            run.position = entered[0]
            RECOVERIES.inc(not queued and not paused)
        run.status = "running"
        held = Held(run, agent, fence, resumed=not queued, decided=paused)
        self.adopt(held, log_of(run))
        if self.draining:
            leaving.ask([run_id])

    async def _forget_ticket(self, run_id: UUID) -> None:
        async with tenant_connection() as conn:
            await conn.execute(ticket_sql.FORGET, {"run_id": run_id})

    async def release(self, runs: list[UUID], *, later: float | None = None) -> None:
        """Give tickets of this owner back to the queue; not to be claimed for `later` seconds."""
        if not runs:
            return
        with use_shared():
            async with tenant_connection() as conn:
                statement = ticket_sql.RELEASE if later is None else ticket_sql.POSTPONE
                values = {"owner": self.owner, "runs": runs, "seconds": later}
                await conn.execute(statement, values)


_executors: dict[asyncio.AbstractEventLoop, Executor] = {}


def executor() -> Executor:
    """The running loop's executor, started on first use."""
    found = _executors.get(asyncio.get_running_loop())
    return found if found is not None else start_executor()


def start_executor(*, kind: str = "web", capacity: int | None = None) -> Executor:
    """Make and start the running loop's executor; it must not have one."""
    loop = asyncio.get_running_loop()
    assert loop not in _executors, "this loop has an executor"
    found = _executors[loop] = Executor(kind=kind, capacity=capacity)
    found.start()
    return found


def running_executors() -> list[Executor]:
    """Those of this process, for figures about them."""
    return list(_executors.values())


def _tenants_changed(_: notices.Notice | None) -> None:
    """Suspended, resumed, or with other limits: in effect now and not at the next beat."""
    for found in _executors.values():
        found.claims.wake()
        found.leases.hurry()


notices.on("tenant", _tenants_changed)


async def stop_executor() -> None:
    """Drain the running loop's executor for at most DRAIN_SECONDS, then stop it."""
    found = _executors.get(asyncio.get_running_loop())
    if found is not None:
        try:
            await found.drain(settings.DRAIN_SECONDS)
        finally:
            await found.stop()
            _executors.pop(asyncio.get_running_loop(), None)
