"""Another database session that holds something a migration needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from tenants.context import TenantRef, use_shared
from tenants.locks import _SPACE, _key
from tenants.pool import connection_parameters


@contextmanager
def schema_held(schema: str) -> Iterator[Callable[[], None]]:
    """Holds the schema's advisory lock, until the block ends or what it gives is called."""
    with psycopg.connect(**connection_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [_SPACE, _key(schema)])
        yield other.close


@contextmanager
def records_held(ref: TenantRef) -> Iterator[None]:
    """Who migrates the schema waits in the middle: its list of migrations can only be read."""
    with psycopg.connect(**connection_parameters()) as other:
        other.execute(ref.statement.encode())
        other.execute("LOCK TABLE django_migrations IN SHARE MODE")
        yield
        other.rollback()


def somebody_waits() -> bool:
    """Whether a session of this login waits for a lock on a table."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND wait_event = 'relation'"
        )
        return bool(cursor.fetchone()[0])
