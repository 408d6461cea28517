"""What a process remembers for a while of what the database says, until a notice says otherwise."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from django.conf import settings

from tenants import notices

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most `most` values, the least recently stored go first. For one event loop.

    `seconds` is asked anew each time, so that it can be a setting; while no notices arrive it is
    at most NOTICES_DOWN_CACHE_SECONDS.
    """

    def __init__(self, most: int, seconds: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._forgotten = 0

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value kept under `key`, or what `load` gives, kept from now on."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] > time.monotonic():
            return entry[1]
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
        if gone is None:
            self._entries.clear()
            return
        for key in [key for key in self._entries if gone(key)]:
            del self._entries[key]

    def drop(self, key: K) -> None:
        """Drop one value."""
        self._forgotten += 1
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)
