"""The database going away in the middle of a run: nothing is failed for it, and little is lost.

A run whose journal can't be written is no failed run: it stays live and goes on from its journal.
Only what a step had come to is worth waiting for here, because it may have had an effect outside.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from django.conf import settings

from tenants.outage import database_away

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


async def through_outage(
    write: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do `write`, again and again while the database is away, for as long as the lease lasts.

    It must do no harm when it is done twice: whether a write that was cut off was committed can't
    be known.
    """
    until = time.monotonic() + settings.LEASE_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            return await write(*args, **kwargs)
        except Exception as error:
            if not database_away(error) or time.monotonic() + pause > until:
                raise
            log.info("waiting for the database: %s", type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
