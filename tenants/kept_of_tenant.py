"""One value for each tenant, such as its grants: read once, remembered until a notice of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from tenants import notices
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept

V = TypeVar("V")


class KeptOfTenant(Generic[V]):
    """`read` gives the active tenant's value: plain ORM code, run as one unit on a hop's thread.

    A notice of one of `kinds` drops its sender's value, one of `everybodys` drops all. `most` and
    `seconds` are those of Kept.
    """

    def __init__(
        self,
        read: Callable[[], V],
        *,
        kinds: tuple[str, ...],
        seconds: Callable[[], float],
        everybodys: tuple[str, ...] = (),
        most: int = 5000,
    ) -> None:
        self._read = read
        self._kept: Kept[str, V] = Kept(most, seconds)
        self._readings: dict[tuple[int, str], asyncio.Task[V]] = {}
        self._everybodys = everybodys
        for kind in (*kinds, *everybodys):
            notices.on(kind, self._forget)

    async def get(self) -> V:
        """The active tenant's value; from memory, but for the first time and after a change."""
        schema = current_tenant().schema
        return await self._kept.get(schema, lambda: self._reading(schema))

    async def _reading(self, schema: str) -> V:
        """One at a time, whoever asks: a hundred runs that start together need one."""
        loop = asyncio.get_running_loop()
        key = (id(loop), schema)
        task = self._readings.get(key)
        if task is None:
            task = self._readings[key] = loop.create_task(hop(self._read))
            task.add_done_callback(
                lambda done: self._readings.get(key) is done and self._readings.pop(key)
            )
        # Shielded: the first asker may be cancelled while others wait for the same.
        return await asyncio.shield(task)

    def _forget(self, notice: notices.Notice | None) -> None:
        # Nor may whoever asks from now on join a reading that began before the change.
        if notice is None or notice.kind in self._everybodys:
            self._kept.forget()
            self._readings.clear()
            return
        self._kept.drop(notice.schema)
        for key in [key for key in self._readings if key[1] == notice.schema]:
            del self._readings[key]
