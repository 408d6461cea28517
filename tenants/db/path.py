"""Putting a physical connection on the context's tenant: shared by the ORM backend and the pool.

Postgres 18 reports `search_path` to the client after every change, also after ROLLBACK, DISCARD ALL
or a SET by somebody else, so what libpq holds is the server's own word and costs nothing to read.
Path and role are set in one statement string and revert together, so the path stands for both.
"""

from __future__ import annotations

from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn

from tenants.context import TenantRef

# The server normalises what it reports (quotes dropped), so the spelling is learned after the first
# SET of each reference instead of being guessed: a wrong guess would SET on every query.
_reported: dict[str, bytes] = {}


def needs_set(pgconn: PGconn, ref: TenantRef) -> bool:
    """Whether the connection's path is another than `ref`'s. Before Postgres 18: always."""
    reported = pgconn.parameter_status(b"search_path")
    if reported is not None and reported == _reported.get(ref.statement):
        return False
    # In a failed transaction every statement but ROLLBACK is refused anyway.
    return pgconn.transaction_status != TransactionStatus.INERROR


def learn(pgconn: PGconn, ref: TenantRef) -> None:
    """Remember how the server spells the path of `ref`, straight after it was set."""
    reported = pgconn.parameter_status(b"search_path")
    if reported is not None:
        _reported[ref.statement] = reported
