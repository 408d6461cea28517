"""The owner's side of following across processes: a run's events to those that asked for them.

A pump is one reader of the run's log. It sends what is new, at most every 50 ms, until the run ends
or its watcher is not heard of any more. A run that nobody asked for has none and costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agents.runtime import hub, wire
from agents.runtime.events import Cursor
from agents.runtime.log import Reader, RunLog

if TYPE_CHECKING:
    from agents.runtime.switchboard import Switchboard

# A watcher says every 3 seconds that it is there; after that long it counts as gone.
WATCH_SECONDS = 10.0
# One for a run that nobody holds yet is renewed less often.
WANTED_SECONDS = 60.0
# Tokens of so many seconds travel together.
_GATHER_SECONDS = 0.05
# Watches of runs held nowhere yet, so that a flood of them has a bound.
_MOST_WANTED = 10_000

Asked = dict[str, Any]


class Pumps:
    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._pumps: dict[str, _Pump] = {}
        self._wanted: dict[tuple[str, UUID], dict[str, tuple[float, Asked]]] = {}
        self._swept = time.monotonic()

    def asked(self, message: Asked) -> None:
        """A watcher asks for a run, or says again that it is there."""
        pump = self._pumps.get(message["w"])
        if pump is not None:
            pump.until = time.monotonic() + WATCH_SECONDS
            return
        run_id = UUID(message["r"])
        log = hub.find_of(message["s"], run_id)
        if log is None:
            self._want(message["s"], run_id, message)
        elif not self._is_own(message):
            self._begin(message, log)

    def _is_own(self, message: Asked) -> bool:
        return bool(message["to"] == self._switchboard.executor.owner)

    def _want(self, schema: str, run_id: UUID, message: Asked) -> None:
        now = time.monotonic()
        if now > self._swept + WANTED_SECONDS:
            self._swept = now
            self._sweep(now)
        if len(self._wanted) < _MOST_WANTED and not self._is_own(message):
            asked = self._wanted.setdefault((schema, run_id), {})
            asked[message["w"]] = (now + WANTED_SECONDS, message)

    def _sweep(self, now: float) -> None:
        for key, asked in list(self._wanted.items()):
            for name in [name for name, (until, _) in asked.items() if until < now]:
                del asked[name]
            if not asked:
                del self._wanted[key]

    def adopted(self, schema: str, run_id: UUID) -> None:
        """A run is held here now."""
        if not self._wanted:
            return
        now = time.monotonic()
        log = hub.find_of(schema, run_id)
        for until, message in self._wanted.pop((schema, run_id), {}).values():
            if log is not None and until > now:
                self._begin(message, log)

    def leave(self, name: str) -> None:
        """The watcher went."""
        pump = self._pumps.get(name)
        if pump is not None:
            pump.task.cancel()
            return
        for asked in self._wanted.values():
            asked.pop(name, None)

    def _begin(self, message: Asked, log: RunLog) -> None:
        pump = _Pump(self._switchboard, message, log)
        name = message["w"]
        self._pumps[name] = pump
        pump.task = self._switchboard.spawn(pump.run())
        pump.task.add_done_callback(lambda _: self._pumps.pop(name, None))


class _Pump:
    task: asyncio.Task[None]

    def __init__(self, switchboard: Switchboard, message: Asked, log: RunLog) -> None:
        self._switchboard = switchboard
        self._name: str = message["w"]
        self._to: str = message["to"]
        self._log = log
        self._end_only: bool = message["e"]
        self._reader = Reader(log, Cursor.of(message["c"]))
        self.until = time.monotonic() + WATCH_SECONDS

    async def run(self) -> None:
        if self._end_only:
            while not self._log.ended and await self._wait():
                pass
            await self._look()
            return
        reader = self._reader
        while True:
            before = reader.cursor
            batch = reader.take()
            if batch:
                if not await self._send(before, batch):
                    return
                await asyncio.sleep(_GATHER_SECONDS)
            elif reader.finished:
                if hub.given_up(self._log):
                    await self._look()
                return
            elif not await self._wait():
                return

    async def _wait(self) -> bool:
        """For something new; False when the watcher isn't heard of any more."""
        left = self.until - time.monotonic()
        if left > 0:
            await self._log.changed(left)
        return time.monotonic() < self.until

    async def _send(self, before: Cursor, batch: list[Any]) -> bool:
        message = {
            "k": "events",
            "w": self._name,
            "f": list(before),
            "e": [[list(event.cursor), event.type, event.data] for event in batch],
        }
        try:
            return await self._switchboard.tell(self._to, message)
        except wire.TooLong:
            await self._look()
            return False

    async def _look(self) -> None:
        """There is news that the journal tells."""
        await self._switchboard.tell(self._to, {"k": "look", "w": self._name})
