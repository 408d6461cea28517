"""Waiting on a condition from inside an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(look: Callable[[], object], seconds: float = 60.0) -> None:
    """Return as soon as `look` sees something true; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - what is looked at is anything, a database too
            await asyncio.sleep(0.01)
