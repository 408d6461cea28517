"""Cancel a run: asked for in the database, and at once where the run is held."""

from __future__ import annotations

from uuid import UUID

from agents.runtime import hub, ticket_sql
from agents.runtime.executor import executor
from agents.runtime.state import RunState
from agents.runtime.store import load_run
from agents.services.access import access_run, may_cancel
from config.errors import Conflict, Forbidden
from tenants.accounts.principal import Principal
from tenants.hop import hop
from tenants.pool import tenant_connection

# How long the answer waits for the run's end, so that it can show the run as cancelled.
_WAIT_SECONDS = 2.0


async def cancel_run(principal: Principal, run_id: UUID) -> RunState:
    """Cancel and return the run as it is then; repeating it is no error.

    A run held by another process ends within a lease renewal. Raises NotFound, Forbidden, or
    Conflict when the run had ended before otherwise.
    """
    await hop(_check, principal, run_id)
    async with tenant_connection() as conn:
        asked = await (await conn.execute(ticket_sql.REQUEST_CANCEL, {"run_id": run_id})).fetchone()
    if asked is not None:
        log = hub.find(run_id)
        if not executor().cancel(run_id):
            executor().wake()
        if log is not None and not log.ended:
            while not log.ended and await log.changed(_WAIT_SECONDS):
                pass
    async with tenant_connection() as conn:
        run = await load_run(conn, run_id)
    assert run is not None
    if asked is None and run.status != "cancelled":
        raise Conflict(f"The run has ended: it is {run.status}.", code="run_ended")
    return run


def _check(principal: Principal, run_id: UUID) -> None:
    run = access_run(principal, run_id)
    if not may_cancel(principal, run):
        raise Forbidden("Cancelling another member's run needs the scope runs:cancel_all.")
