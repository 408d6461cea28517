"""From a worker thread back to the serving loop: for synchronous callers of the services.

Pages and the admin run on threads; what ends a run at once lives on the loop of the executor that
holds it. Nothing here starts a loop: where none serves (a command), the caller does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from typing import ParamSpec, TypeVar

from agents.runtime.executor import _executors
from tenants.context import current, use_tenant

P = ParamSpec("P")
T = TypeVar("T")
# A thread of the pages must not be lost to a loop that hangs.
_PATIENCE_SECONDS = 15.0


class NoLoop(RuntimeError):
    """No executor serves in this process."""


def serving_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of this process's executor, or None."""
    for loop, found in list(_executors.items()):
        if loop.is_running() and not found.stopping:
            return loop
    return None


def call_on_loop(work: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` on the serving loop under the caller's tenant and wait for its result.

    Raises NoLoop when there is no such loop, TimeoutError after 15 seconds, else what
    `work` raises. Never call it on that loop itself: it would wait for itself.
    """
    loop = serving_loop()
    if loop is None:
        raise NoLoop
    ref = current()

    async def inside() -> T:
        with use_tenant(ref):
            return await work(*args, **kwargs)

    future = asyncio.run_coroutine_threadsafe(inside(), loop)
    try:
        return future.result(_PATIENCE_SECONDS)
    except TimeoutError:
        future.cancel()
        raise
    except CancelledError as error:
        raise NoLoop from error
