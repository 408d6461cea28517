"""Cancelling from pages, whose views run on threads and not on the executor's loop."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from agents.runtime import ticket_sql
from agents.runtime.bridge import NoLoop, call_on_loop
from agents.services.access import access_run, may_cancel
from agents.services.cancel_run import cancel_run
from config.errors import Conflict, Forbidden
from tenants.accounts.principal import Principal


def cancel_from_thread(principal: Principal, run_id: UUID) -> str:
    """Cancel a run; returns its status then.

    With an executor in this process the run ends at once; without one the request is written, and
    whoever holds the run ends it. Raises NotFound, Forbidden, or Conflict when it had ended.
    """
    try:
        return call_on_loop(cancel_run, principal, run_id).status
    except NoLoop:
        pass
    run = access_run(principal, run_id)
    if not may_cancel(principal, run):
        raise Forbidden("Cancelling another member's run needs the scope runs:cancel_all.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ticket_sql.HOLD, {"run_id": run_id})
        cursor.execute(ticket_sql.REQUEST_CANCEL, {"run_id": run_id})
        asked = cursor.fetchone() is not None
    if not asked and run.status != run.Status.CANCELLED:
        raise Conflict(f"The run has ended: it is {run.status}.", code="run_ended")
    return str(run.status)
