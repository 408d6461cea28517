"""Requests per minute of a key, counted in memory and added up across processes in the database.

A process counts each request by itself and now and then adds what it counted to the key's row,
learning what the others added. It does so after a twentieth of the rate, or after some seconds of
use, never per request and never while a request waits. So each further process can let through at
most a twentieth too much, besides what arrives during such an exchange. A minute is that of the
clock; a key that has used it up may go on when the next begins. The same statement keeps the time
of last use, at most once a minute.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.db import connection

from config.errors import TooManyRequests
from tenants.context import current_tenant
from tenants.hop import hop

log = logging.getLogger(__name__)

_MOST = 10_000
_EXCHANGE_SECONDS = 5.0
_PARTS = 20  # of the rate, after which processes exchange what they counted


@dataclass(slots=True)
class Count:
    """Of one key in one minute: `others` as last learned, `own` all counted here, `told` of it."""

    minute: int = 0
    others: int = 0
    own: int = 0
    told: int = 0
    told_at: float = 0.0
    exchanging: bool = False


_counts: OrderedDict[tuple[str, int], Count] = OrderedDict()
_exchanges: set[asyncio.Task[None]] = set()


def count(key_id: int, rate: int) -> None:
    """Count one request of a key of the current tenant. Raises TooManyRequests beyond `rate`."""
    now = time.time()
    entry = _entry(key_id, int(now // 60))
    if entry.others + entry.own >= rate:
        seconds = max(int(60 - now % 60) + 1, 1)
        raise TooManyRequests(
            f"This key may ask {rate:,} times a minute: try again in {seconds} s.",
            code="key_rate",
            headers={"Retry-After": str(seconds)},
            retry_after=seconds,
        )
    entry.own += 1
    if entry.exchanging:
        return
    untold = entry.own - entry.told
    if untold * _PARTS >= rate or time.monotonic() - entry.told_at >= _EXCHANGE_SECONDS:
        entry.exchanging = True
        task = asyncio.get_running_loop().create_task(_exchange(key_id, entry))
        _exchanges.add(task)
        task.add_done_callback(_exchanges.discard)


def _entry(key_id: int, minute: int) -> Count:
    key = (current_tenant().schema, key_id)
    entry = _counts.get(key)
    if entry is None:
        entry = _counts[key] = Count(minute)
        while len(_counts) > _MOST:
            _counts.popitem(last=False)
    elif entry.minute != minute:
        # The time of the last exchange stays: a slow trickle does not write with each new minute.
        entry.minute, entry.others, entry.own, entry.told = minute, 0, 0, 0
    return entry


async def _exchange(key_id: int, entry: Count) -> None:
    minute, untold, told = entry.minute, entry.own - entry.told, entry.own
    try:
        total = await hop(_add, key_id, minute, untold)
        if entry.minute == minute:
            entry.told = told
            entry.others = max(total - told, 0)
    except Exception as error:  # the database is away: this process counts on alone
        log.warning("key use not written: %s: %s", type(error).__name__, error)
    finally:
        entry.told_at = time.monotonic()
        entry.exchanging = False


_ADD = """
UPDATE accounts_apikey
SET minute_count = CASE WHEN minute = %(minute)s THEN minute_count + %(more)s ELSE %(more)s END,
    minute = %(minute)s,
    last_used_at = CASE WHEN last_used_at > now() - interval '1 minute'
                        THEN last_used_at ELSE now() END
WHERE id = %(id)s AND minute <= %(minute)s
RETURNING minute_count
"""


def _add(key_id: int, minute: int, more: int) -> int:
    """Add to the key's minute; the total of all processes then (`more` for a minute gone by)."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, {"id": key_id, "minute": minute, "more": more})
        row = cursor.fetchone()
    return int(row[0]) if row else more
