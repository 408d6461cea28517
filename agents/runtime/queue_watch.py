"""How many runs wait for an executor: looked at now and then, so that no start has to ask."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.conf import settings

from config.load import load
from tenants.context import use_shared
from tenants.pool import tenant_connection

log = logging.getLogger(__name__)

# Bounded: beyond the limit it makes no difference how far.
_WAITING = """
    SELECT schema, count(*), EXTRACT(EPOCH FROM now() - min(created_at))::float8
    FROM (
        SELECT schema, created_at FROM public.tickets_ticket
        WHERE owner = '' AND not_before <= now() LIMIT %(most)s
    ) waiting
    GROUP BY schema
"""
_MOST = 100_000


async def look_at_queue() -> None:
    """Learn the depth of the queue. On the shared path; raises what the database raises."""
    most = settings.QUEUE_MAX + 1 if settings.QUEUE_MAX > 0 else _MOST
    async with tenant_connection() as conn:
        rows: list[Any] = await (await conn.execute(_WAITING, {"most": most})).fetchall()
    load.queue.found(
        {schema: count for schema, count, _ in rows}, max((row[2] for row in rows), default=0.0)
    )


async def watch_queue(full: Any) -> None:
    """Look every EXECUTOR_POLL_SECONDS while `full()` or runs were waiting; never ends by itself.

    A process with room for its own runs, and none waiting, asks the database nothing.
    """
    with use_shared():
        while True:
            await asyncio.sleep(settings.EXECUTOR_POLL_SECONDS)
            if load.queue.total or full():
                try:
                    await look_at_queue()
                except Exception as error:
                    log.warning("queue not seen: %s: %s", type(error).__name__, error)
