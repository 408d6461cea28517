"""Hearing of decisions, and of times that come, while other nodes of a workflow still run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable
from datetime import UTC, datetime

from agents.runtime.journal import Journal
from tenants import notices
from tenants.context import current_tenant
from tenants.notices import Notice

log = logging.getLogger(__name__)
_LONGEST_SECONDS = 3600.0
_all: weakref.WeakSet[Listening] = weakref.WeakSet()


class Listening:
    """Of one run. Words only hurry: what isn't heard here is found when nothing else runs."""

    def __init__(self, journal: Journal, heard: Callable[[], None]) -> None:
        self.journal = journal
        self.schema = current_tenant().schema
        self._heard = heard
        self._now = asyncio.Event()
        self._asked = False
        self._task = asyncio.get_running_loop().create_task(self._listen())
        _all.add(self)

    def look(self) -> None:
        """Something waits (anew): see to its time."""
        self._now.set()

    def decided(self) -> None:
        self._asked = True
        self._now.set()

    async def close(self) -> None:
        _all.discard(self)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task

    async def _listen(self) -> None:
        self._asked = True  # what came before anybody listened
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds()):
                    await self._now.wait()
            self._now.clear()
            if self._asked:
                self._asked = False
                try:
                    came = await self.journal.hear()
                except Exception as error:
                    log.warning("run %s: not heard: %s", self.journal.run.id, error)
                    continue
                if came:
                    self._heard()
            if self._seconds() <= 0:
                self._heard()
                await asyncio.sleep(0.05)  # until those that are due have taken their times back

    def _seconds(self) -> float:
        times = self.journal.wake_times()
        if not times:
            return _LONGEST_SECONDS
        left = (min(times) - datetime.now(UTC)).total_seconds()
        return min(max(left, 0.0), _LONGEST_SECONDS)


def _decided(notice: Notice | None) -> None:
    for one in list(_all):
        if notice is None or notice.schema == one.schema:
            one.decided()


notices.on("approval", _decided)
