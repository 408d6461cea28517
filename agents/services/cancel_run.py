"""Cancel a run: asked for in the database, and at once where the run is held."""

from __future__ import annotations

from uuid import UUID

from agents.runtime import ticket_sql
from agents.runtime.executor import executor
from agents.runtime.follow import ended
from agents.runtime.state import RunState
from agents.runtime.store import load_run
from agents.services.access import access_run, may_cancel
from config.errors import Conflict, Forbidden
from tenants import happened
from tenants.accounts.principal import Principal
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.pool import tenant_connection

# How long the answer waits for the run's end, so that it can show the run as cancelled.
_WAIT_SECONDS = 2.0


async def cancel_run(principal: Principal, run_id: UUID) -> RunState:
    """Cancel and return the run as it is then; repeating it is no error.

    A run held by another process is ended there at once; should word not reach it, within a lease
    renewal. With it every run below it ends. Raises NotFound, Forbidden, or Conflict when the run
    had ended before otherwise, or is part of another, which is the one to cancel.
    """
    await hop(_check, principal, run_id)
    async with tenant_connection() as conn:
        # One message: one transaction, each statement with a snapshot of its own.
        statements = f"{ticket_sql.HOLD};{ticket_sql.REQUEST_CANCEL}"
        cursor = await conn.execute(statements, {"run_id": run_id})
        cursor.nextset()
        asked = await cursor.fetchone()
    if asked is not None:
        await _end(run_id)
        await ended(run_id, _WAIT_SECONDS)
    async with tenant_connection() as conn:
        run = await load_run(conn, run_id)
    assert run is not None
    if asked is None and run.status != "cancelled":
        raise Conflict(f"The run has ended: it is {run.status}.", code="run_ended")
    return run


async def _end(run_id: UUID) -> None:
    """Where the run is held: here, or nowhere and so from now on here, or in another process."""
    here = executor()
    if here.cancel(run_id) or await here.claims.take(run_id):
        return
    async with tenant_connection() as conn:
        row = await (await conn.execute(ticket_sql.OWNER, {"run_id": run_id})).fetchone()
    if row is not None and row[0]:
        await here.switchboard.cancel(row[0], current_tenant().schema, run_id)


def _check(principal: Principal, run_id: UUID) -> None:
    run = access_run(principal, run_id)
    happened.tell(
        "run.cancel_asked",
        target=("run", run.pk, run.slug),
        result="ok" if may_cancel(principal, run) else "refused",
        run=run.pk,
        actor=happened.actor_of(principal),
    )
    if not may_cancel(principal, run):
        raise Forbidden("Cancelling another member's run needs the scope runs:cancel_all.")
    if run.root_id is not None:
        raise Conflict(
            f"The run is part of the run {run.root_id}: cancel that one, and this ends with it.",
            code="child_run",
            root_run_id=str(run.root_id),
        )
