"""Statements that a connection keeps prepared for the tenants it serves often.

Reading and planning a large statement costs Postgres about as much as carrying it out. A plan is
one tenant's own: it stands for the tables that the path named when it was made. So a connection
keeps one for each path, of what it has been asked for a few times there, and lets go of the least
used. Everything else, and whatever Postgres won't do with a plan any more, is sent as text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Self

from django.conf import settings
from psycopg import AsyncClientCursor, AsyncConnection
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName
from psycopg.pq import TransactionStatus

# So often, on one connection and path, a statement is sent as text before it is prepared.
_BEFORE = 2
_WATCHED = 4  # times NATIVE_POOL_STATEMENTS: of so many it is known how often they were asked for

_PARAMETER = re.compile(r"%\((\w+)\)s|%%")


class Statement(str):
    """SQL with `%(name)s` parameters, worth preparing. As text it is like any other.

    `types`: the Postgres types of parameters that aren't text.
    """

    __slots__ = ("body", "names", "types")

    def __new__(cls, text: str, types: Mapping[str, str] | None = None) -> Self:
        made = super().__new__(cls, text)
        made.names = tuple(dict.fromkeys(m[1] for m in _PARAMETER.finditer(text) if m[1]))
        made.types = tuple((types or {}).get(name, "text") for name in made.names)
        places = {name: f"${place}" for place, name in enumerate(made.names, 1)}
        made.body = _PARAMETER.sub(lambda m: places[m[1]] if m[1] else "%", text)
        return made

    names: tuple[str, ...]
    types: tuple[str, ...]
    body: str

    def prepare(self, name: str) -> bytes:
        return f"PREPARE {name} ({', '.join(self.types)}) AS {self.body}".encode()


class _Kept:
    """What one connection has prepared: names by path and statement, the least used first."""

    __slots__ = ("asked", "made", "names")

    def __init__(self) -> None:
        self.names: OrderedDict[tuple[bytes, str], bytes] = OrderedDict()
        self.asked: OrderedDict[tuple[bytes, str], int] = OrderedDict()
        self.made = 0

    def is_due(self, key: tuple[bytes, str]) -> bool:
        """Whether it has been asked for often enough; this counts."""
        times = self.asked.pop(key, 0)
        if times >= _BEFORE:
            return True
        self.asked[key] = times + 1
        if len(self.asked) > settings.NATIVE_POOL_STATEMENTS * _WATCHED:
            self.asked.popitem(last=False)
        return False


class TenantConnection(AsyncConnection[Any]):
    """A connection of the native pool."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = _Kept()


class TenantCursor(AsyncClientCursor[Any]):
    """One simple-protocol message for each statement; a `Statement` may be prepared for it."""

    async def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Self:
        if not isinstance(query, Statement) or not settings.NATIVE_POOL_STATEMENTS:
            return await super().execute(query, params, **kwargs)
        connection = self.connection
        assert isinstance(connection, TenantConnection)
        # In a transaction a plan that won't do would cost the transaction.
        idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
        path = connection.pgconn.parameter_status(b"search_path")
        name = await self._name(connection.kept, (path, query)) if idle and path else None
        if name is None:
            return await super().execute(query, params, **kwargs)
        literal = Transformer.from_context(self).as_literal
        values = b", ".join([literal(params[name]) for name in query.names])
        try:
            return await super().execute(b"EXECUTE %s (%s)" % (name, values), **kwargs)
        except (FeatureNotSupported, InvalidSqlStatementName):
            # What it gives has another type now, or somebody let go of it: nothing was done.
            await self._forget_all(connection.kept)
            return await super().execute(query, params, **kwargs)

    async def _name(self, kept: _Kept, key: tuple[bytes, str]) -> bytes | None:
        """What it is prepared as on this connection; None while it should be sent as text."""
        name = kept.names.get(key)
        if name is not None:
            kept.names.move_to_end(key)
            return name
        if not kept.is_due(key):
            return None
        if len(kept.names) >= settings.NATIVE_POOL_STATEMENTS:
            _, least = kept.names.popitem(last=False)
            await super().execute(b"DEALLOCATE " + least)
        kept.made += 1
        name = b"kept_%d" % kept.made
        statement = key[1]
        assert isinstance(statement, Statement)
        await super().execute(statement.prepare(name.decode()))
        kept.names[key] = name
        return name

    async def _forget_all(self, kept: _Kept) -> None:
        await super().execute(b"DEALLOCATE ALL")
        kept.names.clear()
