"""Words between processes: a run waits, cancel this run, let me hear that one.

Each executor listens on a channel of its own and on one that all listen on. Words only hurry things
up: tickets and journals are the truth, and what gets lost is found at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agents.runtime import wire
from agents.runtime.bus import Bus, make_bus
from agents.runtime.pumps import Pumps
from agents.runtime.watch import Watch, new_name
from config.cancelling import end_tasks

if TYPE_CHECKING:
    from agents.runtime.executor import Executor

log = logging.getLogger(__name__)

_EVERYBODY = "all"
# Many starts in a row are one announcement.
_ANNOUNCE_SECONDS = 0.02
_LAST_WORDS_SECONDS = 0.3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between two attempts to listen


class Switchboard:
    """`connected`: words reach this process now."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.connected = False
        self._bus: Bus = make_bus()
        self._opener = wire.Opener()
        self._pumps = Pumps(self)
        self._watches: dict[str, Watch] = {}
        self._watches_of: dict[tuple[str, UUID], set[Watch]] = {}
        self._announcing = False
        self._tasks: set[asyncio.Task[None]] = set()

    # --- listening --------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Listen until cancelled, whatever happens to the connection."""
        channels = [*wire.channels(self.executor.owner), *wire.channels(_EVERYBODY)]
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._bus.listen(channels, self._receive, self._on_connected)
            except Exception as error:
                if self.connected:
                    pause = _FIRST_PAUSE
                    log.warning("bus: %s: %s", type(error).__name__, error)
            finally:
                self.connected = False
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _on_connected(self) -> None:
        """Words may have been missed: look at the queue and at the journals."""
        self.connected = True
        self.executor.claims.wake()
        for watch in self._watches.values():
            watch.put({"k": "look"})

    def _receive(self, payload: str | bytes) -> None:
        try:
            message = self._opener.open(payload)
            if message is not None:
                self._handle(message)
        except Exception:  # one bad word must not end the listening
            log.exception("bus: a message could not be handled")

    def _handle(self, message: dict[str, Any]) -> None:
        kind = message["k"]
        if kind == "queued":
            self._queued(message["o"])
        elif kind == "cancel":
            self.executor.cancel(UUID(message["r"]), message["s"])
        elif kind == "watch":
            self._pumps.asked(message)
        elif kind == "unwatch":
            self._pumps.leave(message["w"])
        elif kind in ("events", "look"):
            watch = self._watches.get(message["w"])
            if watch is not None:
                watch.put(message)

    def _queued(self, sender: str) -> None:
        if sender == self.executor.owner or not self.executor.capacity:
            return
        if self.executor.room:
            self.executor.claims.wake()
        else:
            self.executor.claims.behind = True

    # --- telling ----------------------------------------------------------------------------------

    def announce(self) -> None:
        """Tell everybody that a run waits. Returns at once."""
        if not self._announcing:
            self._announcing = True
            self.spawn(self._announce())

    async def _announce(self) -> None:
        try:
            await asyncio.sleep(_ANNOUNCE_SECONDS)
        finally:
            self._announcing = False
        await self.tell("", {"k": "queued", "o": self.executor.owner})

    async def cancel(self, owner: str, schema: str, run_id: UUID) -> None:
        """Ask the owner to end a run whose cancel is already written."""
        await self.tell(owner, {"k": "cancel", "s": schema, "r": str(run_id)})

    async def tell(self, name: str, message: dict[str, Any]) -> bool:
        """Send to one owner, or to everybody for an empty name. False when it can't be sent.

        Raises `wire.TooLong`.
        """
        payloads = wire.seal(message)
        try:
            await self._bus.send(wire.channel(name or _EVERYBODY), payloads)
        except Exception as error:
            log.warning("bus: not sent: %s: %s", type(error).__name__, error)
            return False
        return True

    # --- watching ---------------------------------------------------------------------------------

    def watch(self, schema: str, run_id: UUID, *, end_only: bool = False) -> Watch:
        """A follower's ear for a run that another process holds. Close it."""
        watch = Watch(self, schema, run_id, end_only=end_only)
        self._watches[watch.name] = watch
        self._watches_of.setdefault(watch.run, set()).add(watch)
        return watch

    def rename(self, watch: Watch) -> None:
        """A new name: what was sent to the old one is not for it any more."""
        self._watches.pop(watch.name, None)
        watch.name = new_name()
        self._watches[watch.name] = watch

    def left(self, watch: Watch) -> None:
        self._watches.pop(watch.name, None)
        watches = self._watches_of.get(watch.run)
        if watches is not None:
            watches.discard(watch)
            if not watches:
                del self._watches_of[watch.run]

    def adopted(self, schema: str, run_id: UUID) -> None:
        """A run is held here now: whoever had asked for it hears it."""
        self._pumps.adopted(schema, run_id)
        for watch in self._watches_of.get((schema, run_id), ()):
            watch.put({"k": "look"})

    # --- tasks ------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work of the switchboard's own, outside of any tenant."""
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Last words out, then silence."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WORDS_SECONDS)
        await end_tasks(list(self._tasks))
        with contextlib.suppress(Exception):
            await self._bus.close()
