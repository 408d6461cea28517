"""Executing a start within its member's limits: both or neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from django.conf import settings
from psycopg import Rollback
from psycopg.errors import LockNotAvailable

from agents.limits.check import check_start, counted_exactly
from agents.limits.known import Limit, limits_on
from agents.limits.reached import Reached
from config.errors import Unavailable
from config.metrics import REFUSALS
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.pool import tenant_connection

Row = tuple[Any, ...] | None

# Starts that would wait for one another in the database wait here first, without a connection
# each: a tenant with a limit must not take the pool from the others.
_turns: WeakValueDictionary[tuple[int, str, int], asyncio.Lock] = WeakValueDictionary()


class _Refused(Exception):
    def __init__(self, reached: Reached) -> None:
        super().__init__(reached.limit.kind.code)
        self.reached = reached


async def begin(principal: Principal, statement: str, values: dict[str, Any]) -> Row:
    """The row that the start's `statement` returns, or None when it started nothing.

    Raises TooManyRequests or PaymentRequired when a limit is reached, and Unavailable when others'
    starts take too long; then nothing was started and nothing counted.
    """
    limits = await limits_on(principal.member_id)
    if not limits:
        async with tenant_connection(settings.START_DATABASE_SECONDS) as conn:
            return await (await conn.execute(statement, values)).fetchone()
    try:
        async with _turn(limits):
            return await _begin(principal.member_id, limits, statement, values)
    except _Refused as refused:
        sees_all = principal.may(Scope.USAGE_READ_ALL)
        raise refused.reached.problem(sees_all=sees_all) from None
    except LockNotAvailable:
        REFUSALS.labels("limit").inc()
        raise Unavailable(
            "Too many runs are being started at once. Try again in a moment.",
            code="overloaded",
            headers={"Retry-After": "2"},
        ) from None


async def _begin(
    member_id: int, limits: tuple[Limit, ...], statement: str, values: dict[str, Any]
) -> Row:
    row: Row = None
    async with tenant_connection(settings.START_DATABASE_SECONDS) as conn, conn.transaction():
        reached = await check_start(conn, member_id, limits)
        if reached is not None:
            raise _Refused(reached)
        row = await (await conn.execute(statement, values)).fetchone()
        if row is None:
            raise Rollback  # nothing was started: nothing is counted
    return row


@asynccontextmanager
async def _turn(limits: tuple[Limit, ...]) -> AsyncIterator[None]:
    """One start at a time in this process of those that the same limit counts."""
    exact = counted_exactly(limits)
    if not exact:
        yield
        return
    key = (id(asyncio.get_running_loop()), current_tenant().schema, exact[0])
    lock = _turns.get(key)
    if lock is None:
        lock = _turns[key] = asyncio.Lock()
    async with lock:
        yield
