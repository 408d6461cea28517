"""ORM work from the event loop: one plain function, one hop, one long-lived thread.

Django's own bridges take a thread per request or a hop per query, and lose a transaction that spans
two hops. Here a unit of work runs whole on one of a few threads that keep their connection
(CONN_MAX_AGE), with the caller's context copied in, so that the tenant is the caller's.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


every_hop: list[Hop] = []


class Hop:
    """A small pool of threads for synchronous Django work. `size` threads, as many connections."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self._size = size
        self._threads: ThreadPoolExecutor | None = None
        self._at_work: set[int] = set()
        every_hop.append(self)

    @property
    def busy(self) -> int:
        """Threads that are doing a unit of work."""
        return len(self._at_work)

    @property
    def waiting(self) -> int:
        """Units that wait for a thread."""
        return self._threads._work_queue.qsize() if self._threads is not None else 0

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` as one unit. A cancelled caller leaves; the unit still runs to its end."""
        context = contextvars.copy_context()
        call = functools.partial(context.run, self._work, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool(), call)

    def _work(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        thread = threading.get_ident()
        self._at_work.add(thread)
        try:
            return _unit(work, *args, **kwargs)
        finally:
            self._at_work.discard(thread)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, thread_name_prefix=self.name)
        return self._threads

    def close(self) -> None:
        """Wait for the units under way and let the threads, and so their connections, go."""
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None


def _unit(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
    try:
        return work(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                # A unit that left its transaction open: the thread's next unit must not be in it.
                # Closed as if outside of it, or Django would keep the dead connection.
                connection.in_atomic_block = False
                connection.close()


hop = Hop("orm", settings.ORM_THREADS)
web_hop = Hop("web", settings.WEB_THREADS)
