"""What a process remembers for a while of what the database says, until a notice says otherwise."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from django.conf import settings

from tenants import notices

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most `most` values, the least recently stored go first.

    However many ask for one at the same time, it is loaded once: a thousand requests that come when
    a value's time is up would else bring a thousand queries.
    `seconds` is asked anew each time, so that it can be a setting; while no notices arrive it is
    at most NOTICES_DOWN_CACHE_SECONDS.
    """

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._loading: dict[tuple[int, K], asyncio.Task[V]] = {}
        self._forgotten = 0

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value kept under `key`, or what `load` gives, kept from now on."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] > time.monotonic():
            return entry[1]
        loop = asyncio.get_running_loop()
        here = (id(loop), key)
        task = self._loading.get(here)
        if task is None:
            task = self._loading[here] = loop.create_task(self._load(key, load))
            task.add_done_callback(lambda done: self._loaded(here, done))
        # Shielded: the first asker may be cancelled while others wait for the same.
        return await asyncio.shield(task)

    def _loaded(self, here: tuple[int, K], task: asyncio.Task[V]) -> None:
        if self._loading.get(here) is task:
            del self._loading[here]
        if not task.cancelled():
            task.exception()  # seen, should nobody be left to raise it to

    async def _load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        before = self._forgotten
        value = await load()
        if before == self._forgotten:  # else it may be from before what the notice told
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        seconds = self._seconds()
        if not notices.listening():
            seconds = min(seconds, settings.NOTICES_DOWN_CACHE_SECONDS)
        self._entries[key] = (time.monotonic() + seconds, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget(self, gone: Callable[[K], bool] | None = None) -> None:
        """Drop what `gone` says of its key, or everything."""
        self._forgotten += 1
        # Nor may whoever asks from now on join a loading that began before the change.
        self._loading.clear()
        if gone is None:
            self._entries.clear()
            return
        for key in [key for key in self._entries if gone(key)]:
            del self._entries[key]

    def drop(self, key: K) -> None:
        """Drop one value."""
        self._forgotten += 1
        self._loading.clear()
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)
