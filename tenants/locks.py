"""Advisory locks on a schema: two processes never migrate or make the same one at once.

They belong to the database session, so a process that is killed leaves none behind.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from tenants.context import use_shared

# First half of every key, so that no other user of advisory locks is met by chance.
_SPACE = 0x434F4E43


class Busy(RuntimeError):
    """Another process works on the schema, and waiting was not wanted."""


def _key(schema: str) -> int:
    return zlib.crc32(schema.encode()) - (1 << 31)


def _ask(statement: str, schema: str) -> bool:
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {statement}(%s, %s)", [_SPACE, _key(schema)])
        return cursor.fetchone()[0] is not False


@contextmanager
def schema_lock(schema: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the schema's lock, over as many transactions as the block has. Raises Busy."""
    if not _ask("pg_advisory_lock" if wait else "pg_try_advisory_lock", schema):
        raise Busy(f"another process works on {schema}")
    try:
        yield
    finally:
        try:
            _ask("pg_advisory_unlock", schema)
        except DatabaseError:
            # A transaction that failed, or a connection that is gone: the lock goes with it.
            with contextlib.suppress(DatabaseError):
                connection.close()


def share_in_transaction(schema: str) -> None:
    """Keep others from changing the schema until this transaction ends; readers share."""
    _ask("pg_advisory_xact_lock_shared", schema)
