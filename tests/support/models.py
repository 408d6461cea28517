"""Model servers on a loop of their own, for tests whose own code is synchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def serving(*servers: Any) -> Iterator[None]:
    """Each has `async start()` and `async stop()`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def call(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(10)

    try:
        for server in servers:
            call(server.start())
        yield
    finally:
        for server in servers:
            call(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
