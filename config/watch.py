"""The two small tasks beside a process's executor: the loop's lag, and the depth of the queue."""

from __future__ import annotations

import asyncio
import contextvars
import weakref

from agents.runtime.executor import executor
from agents.runtime.queue_watch import watch_queue
from config.cancelling import end_tasks
from config.load import load

_tasks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[asyncio.Task[None]]] = (
    weakref.WeakKeyDictionary()
)


def start() -> None:
    """Begin on the running loop, once; returns at once."""
    loop = asyncio.get_running_loop()
    if loop in _tasks:
        return
    load.draining = False
    load.full = _full
    _tasks[loop] = [
        loop.create_task(work, context=contextvars.Context())
        for work in (load.lag.watch(), watch_queue(_full))
    ]


def _full() -> bool:
    return executor().room == 0


def drain() -> None:
    """From here on /readyz says draining."""
    load.draining = True


async def stop() -> None:
    await end_tasks(_tasks.pop(asyncio.get_running_loop(), []))
