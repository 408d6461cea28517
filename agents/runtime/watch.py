"""The follower's side of following across processes.

A watch asks the run's owner, or everybody while it has none, to send what comes after a cursor, and
says again every few seconds that it is still there. It trusts only a message that begins where the
follower is; everything else is healed from the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agents.runtime.events import Cursor, Event

if TYPE_CHECKING:
    from agents.runtime.switchboard import Switchboard

_RENEW_SECONDS = 3.0
_RENEW_UNOWNED_SECONDS = 20.0
# A follower that doesn't read stops renewing; what had come until then is bounded too.
_MOST_MESSAGES = 500


def new_name() -> str:
    """What a watch is called on the wire; nobody can guess another's."""
    return secrets.token_hex(8)


class Watch:
    """Belongs to one follower. `ask`, then `heard` in a loop; `close` at last."""

    def __init__(
        self, switchboard: Switchboard, schema: str, run_id: UUID, *, end_only: bool
    ) -> None:
        self._switchboard = switchboard
        self.run = (schema, run_id)
        self._end_only = end_only
        self.name = new_name()
        self._owner: str | None = None
        self._asked_at = 0.0
        self._messages: deque[dict[str, Any]] = deque()
        self._waiter: asyncio.Future[None] | None = None

    @property
    def hears(self) -> bool:
        """Whether words can be expected to come."""
        return self._switchboard.connected

    @property
    def _renewal(self) -> float:
        return _RENEW_SECONDS if self._owner else _RENEW_UNOWNED_SECONDS

    async def ask(self, owner: str, cursor: Cursor, *, anew: bool = False) -> None:
        """Ask `owner` (empty: whoever will have the run) for what follows `cursor`.

        Sends something only when it is due, the owner is another, or `anew` says that what was
        asked before doesn't fit any more.
        """
        if anew:
            await self._leave()
            self._switchboard.rename(self)
        due = time.monotonic() > self._asked_at + self._renewal
        if not due and owner == self._owner and not anew:
            return
        self._owner = owner
        self._asked_at = time.monotonic()
        message = {
            "k": "watch",
            "s": self.run[0],
            "r": str(self.run[1]),
            "w": self.name,
            "to": self._switchboard.executor.owner,
            "c": list(cursor),
            "e": self._end_only,
        }
        await self._switchboard.tell(owner, message)

    def put(self, message: dict[str, Any]) -> None:
        """From the switchboard: a message for this watch."""
        if len(self._messages) >= _MOST_MESSAGES:
            self._messages.clear()
            message = {"k": "look"}
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def heard(self, cursor: Cursor, seconds: float) -> list[Event] | None:
        """The events that follow `cursor`, [] when none came in time, None to look at the journal.

        Waits at most until the watch has to be renewed.
        """
        seconds = min(seconds, max(self._asked_at + self._renewal - time.monotonic(), 0.0) + 0.01)
        if not self._messages:
            await self._wait(seconds)
        if not self._messages:
            return []
        message = self._messages.popleft()
        if message["k"] != "events" or Cursor.of(message["f"]) != cursor:
            return None
        return [Event(Cursor.of(at), kind, data) for at, kind, data in message["e"]]

    async def _wait(self, seconds: float) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._waiter
        finally:
            self._waiter = None

    async def _leave(self) -> None:
        if self._owner is not None:
            await self._switchboard.tell(self._owner, {"k": "unwatch", "w": self.name})
        self._messages.clear()

    def close(self) -> None:
        """Hear no more, and say so. Returns at once."""
        self._switchboard.left(self)
        if self._owner is not None:
            self._switchboard.spawn(self._leave())
