"""Several pieces of one run's work at once: the first fault of one ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def all_at_once(works: list[Coroutine[Any, Any, T]]) -> list[T]:
    """What each came to, in their order. Raises what the first of them raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
    return [task.result() for task in tasks]


class Growing:
    """Pieces of one run's work that begin others as they end; the first fault ends them all."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    async def all(self, first: Callable[[Growing], None]) -> None:
        """Until all have ended that `first` began, and those that they began. Once for each."""
        try:
            async with self._group:
                first(self)
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None
        for task in self._tasks:
            task.result()  # one that left for another process is no fault to the group
