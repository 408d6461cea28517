"""The cluster's work on runs: leases whose owner is gone."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from agents.runtime import ticket_sql
from tenants.context import use_shared


def sweep_leases() -> int:
    """Free the tickets whose lease ran out, so that any executor takes them at its next look.

    Tickets of a tenant that was deleted are forgotten: their runs are gone. So are executors not
    heard of for many leases. Returns how many tickets were freed.
    """
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(ticket_sql.FORGET_UNSEEN, {"seconds": 20 * settings.LEASE_SECONDS})
        cursor.execute(ticket_sql.FORGET_TENANTLESS)
        cursor.execute(ticket_sql.FORGET_TENANTLESS_PAUSED)
        cursor.execute(ticket_sql.FREE_EXPIRED)
        return int(cursor.rowcount)
