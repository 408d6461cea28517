"""Tasks that are to end, ended: told again if they go on.

In Python 3.11 `asyncio.wait_for`, which the connection pool waits with, forgets a cancellation that
comes together with what was waited for. A task that serves until it is cancelled would then serve
for ever, and whoever waits for its end with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

# Longer than a task's last words may take: psycopg gives a query 5 seconds to be cancelled.
AGAIN_SECONDS = 6.0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]], again: float = AGAIN_SECONDS) -> None:
    """Cancel them and wait until they have ended, however they do."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=again)
        for task in done:
            if not task.cancelled():
                task.exception()  # seen: it isn't logged as never retrieved
