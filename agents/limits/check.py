"""Whether a run may start, or go on, by the limits of its member and of the tenant.

Where no limit is set nothing is asked and nothing is written. Budgets are compared with what ended
runs used; what is under way counts when it has ended, so runs at the same time may together pass a
budget by what each of them uses until its next model call. Runs a minute and live runs are exact.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from psycopg import AsyncConnection

from agents.limits import sql
from agents.limits.kinds import Amount
from agents.limits.known import Limit, limits_on, tenant_limits
from agents.limits.reached import Reached
from config.metrics import REFUSALS
from tenants.context import current_tenant
from tenants.pool import tenant_connection

_SPENT_COLUMN = {
    "tokens_per_day": 0,
    "tokens_per_month": 1,
    "cost_per_day": 2,
    "cost_per_month": 3,
}
_NOTHING: tuple[Amount, ...] = (0, 0, Decimal(0), Decimal(0))


def counted_exactly(limits: tuple[Limit, ...]) -> list[int]:
    """Whose starts must pass one by one: members with a limit of runs, EVERYBODY for the tenant."""
    return sorted({limit.member_id for limit in limits if not limit.kind.is_budget})


async def check_start(
    conn: AsyncConnection[Any], member_id: int, limits: tuple[Limit, ...]
) -> Reached | None:
    """The first limit in the way of another run of the member; None: it may start.

    Counts the start, in the caller's transaction: rolled back, it was none. Until that ends, no
    other start that the same limits count gets past this.
    """
    exact = counted_exactly(limits)
    started: dict[int, int] = {}
    if exact:
        cursor = await conn.execute(
            sql.TAKE,
            {"whose": exact, "lock_milliseconds": int(settings.START_DATABASE_SECONDS * 1000)},
        )
        cursor.nextset()
        started = dict(await cursor.fetchall())
    live = await _live(conn, member_id, limits)
    spent = await _spent(conn, limits)
    for limit in limits:
        whose, kind = limit.member_id, limit.kind
        if kind.window == "minute":
            used: Amount = started[whose] - 1
        elif kind.window == "live":
            used = live[whose]
        else:
            used = _of(spent, limit)
        if used >= limit.most:
            REFUSALS.labels("limit").inc()
            return await _reached(limit, used)
    return None


async def check_going_on(member_id: int, tokens: int, cost: Decimal | None) -> Reached | None:
    """The budget that a run passes with `tokens` and `cost` of its own so far; None: it goes on."""
    limits = tuple(limit for limit in await limits_on(member_id) if limit.kind.is_budget)
    if not limits:
        return None
    async with tenant_connection() as conn:
        spent = await _spent(conn, limits)
    for limit in limits:
        own: Amount = (cost or Decimal(0)) if limit.kind.unit == "cost" else tokens
        used = _of(spent, limit) + own
        if used >= limit.most:
            return await _reached(limit, used)
    return None


async def _live(
    conn: AsyncConnection[Any], member_id: int, limits: tuple[Limit, ...]
) -> dict[int, int]:
    asked = [limit for limit in limits if limit.kind.window == "live"]
    if not asked:
        return {}
    values = {
        "schema": current_tenant().schema,
        "member_id": member_id,
        "live": [limit.member_id for limit in asked],
        "most_live": max(int(limit.most) for limit in asked),
    }
    return dict(await (await conn.execute(sql.LIVE, values)).fetchall())


async def _spent(
    conn: AsyncConnection[Any], limits: tuple[Limit, ...]
) -> dict[int, tuple[Amount, ...]]:
    asked = sorted({limit.member_id for limit in limits if limit.kind.is_budget})
    if not asked:
        return {}
    rows = await (await conn.execute(sql.SPENT, {"spending": asked})).fetchall()
    return {row[0]: row[1:] for row in rows}


def _of(spent: dict[int, tuple[Amount, ...]], limit: Limit) -> Amount:
    return spent.get(limit.member_id, _NOTHING)[_SPENT_COLUMN[limit.kind.field]]


async def _reached(limit: Limit, used: Amount) -> Reached:
    currency = (await tenant_limits()).currency
    return Reached(limit, used, currency, datetime.now(UTC))
