"""A connection on one tenant's path and role, in which a test may say whatever it likes.

Straight to psycopg and past the backend's check, which would put the connection right again after
each statement: what is left is what the database itself allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tenants.context import TenantRef
from tenants.pool import connection_parameters

Row = tuple[Any, ...]


class Session:
    """One connection; `become` is what the backend and the pool do at a switch."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw = raw

    def become(self, ref: TenantRef) -> None:
        self.raw.execute(ref.statement)

    def say(self, statement: str, params: Any = None) -> list[Row]:
        cursor = self.raw.execute(statement, params)
        return cursor.fetchall() if cursor.description else []

    def refused(self, statement: str) -> str:
        """The server's refusal of a statement that must not be obeyed."""
        try:
            with self.raw.transaction():
                rows = self.say(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            return str(error)
        raise AssertionError(f"the server obeyed: {statement}\n{rows}")


@contextmanager
def session(ref: TenantRef) -> Iterator[Session]:
    parameters = connection_parameters()
    # Simple protocol, as the product's cursors: several statements in one string are possible.
    with psycopg.connect(
        **parameters, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        opened = Session(connection)
        opened.become(ref)
        yield opened
