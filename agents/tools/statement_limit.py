"""A time-out for ORM work inside a transaction, kept by Postgres: a thread can't be stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


class StatementLimitPassed(Exception):
    """A statement ran, or waited for a lock, longer than allowed; the transaction is in error."""


@contextmanager
def statement_limit(seconds: float) -> Iterator[None]:
    """Let no statement of the block take longer than `seconds`. Outside a transaction, no limit."""
    if not settings.configured:  # a tool called by itself, without a database
        yield
        return
    from django.db import OperationalError, connection
    from psycopg.errors import QueryCanceled

    if not connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        # In one statement, as each is a round trip; the list is evaluated from left to right.
        cursor.execute(
            "SELECT current_setting('statement_timeout'), "
            "set_config('statement_timeout', %s, true)",
            [str(max(1, math.ceil(seconds * 1000)))],
        )
        before = cursor.fetchone()[0]
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise StatementLimitPassed from error
        raise
    # Only after success: a failed block is rolled back, and the setting with it.
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
