"""The event log of one run in memory, and readers that keep their place in it.

A message under way is one entry whose text grows; a reader takes what it lacks as one piece. So a
slow reader gets larger pieces instead of a longer queue, and nothing is copied per reader.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from datetime import UTC, datetime

from django.conf import settings

from agents.models_llm.protocol import TOGETHER, put_together
from agents.runtime.events import Cursor, Event, Source, make


class MessageText:
    """The text of one model step's attempt, as far as it has come."""

    __slots__ = ("_loose", "attempt", "closed", "ends", "pieces", "position", "source", "step")

    def __init__(
        self, source: Source, position: int, step: int, attempt: int, text: str = ""
    ) -> None:
        self.source = source
        self.position = position
        self.step = step
        self.attempt = attempt
        self.pieces: list[str] = [text] if text else []
        self.ends: list[int] = [len(text)] if text else []
        self.closed = False
        self._loose = 0

    @property
    def length(self) -> int:
        return self.ends[-1] if self.ends else 0

    def append(self, text: str) -> None:
        self.ends.append(self.length + len(text))
        self.pieces.append(text)
        self._loose += 1
        if self._loose == TOGETHER:
            self._loose = 0
            self.ends[-TOGETHER:] = self.ends[-1:]
            put_together(self.pieces)

    def void(self) -> None:
        """An attempt that failed: its text is not the answer and is shown to nobody new."""
        self.pieces.clear()
        self.ends.clear()
        self.closed = True

    def after(self, offset: int) -> str:
        """The text from character `offset` on."""
        if offset >= self.length:
            return ""
        index = bisect_left(self.ends, offset + 1)
        begin = self.ends[index - 1] if index else 0
        rest = self.pieces[index:]
        if offset > begin:
            rest[0] = rest[0][offset - begin :]
        return rest[0] if len(rest) == 1 else "".join(rest)


class RunLog:
    """All events of a run since its beginning, and of its child runs, in order of their ids.

    What a child run's log is told, it tells the one `above` as well.
    """

    def __init__(self, source: Source, above: RunLog | None = None) -> None:
        self.source = source
        self.above = above
        self.entries: list[Event | MessageText] = []
        self.ended = False
        self._waiters: list[asyncio.Future[None]] = []
        self._told = 0.0  # loop time at which followers were last woken for a piece of text
        self._timer: asyncio.TimerHandle | None = None

    def publish(self, event: Event) -> None:
        self.entries.append(event)
        self._wake()
        if self.above is not None:
            self.above.publish(event)

    def open_message(self, position: int, step: int, attempt: int) -> MessageText:
        text = MessageText(self.source, position, step, attempt)
        self._enter(text)
        return text

    def _enter(self, text: MessageText) -> None:
        self.entries.append(text)
        if self.above is not None:
            self.above._enter(text)

    def append(self, message: MessageText, text: str) -> None:
        """Text is told at once after a pause, else together with what comes in the next moments.

        A write for every token costs more than all else in a stream, and nobody sees 20 ms.
        """
        message.append(text)
        self._stir()

    def _stir(self) -> None:
        if self.above is not None:
            self.above._stir()
        if not self._waiters or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        at, now = self._told + settings.STREAM_FLUSH_SECONDS, loop.time()
        if now >= at:
            self._told = now
            self._wake()
        else:
            self._timer = loop.call_at(at, self._flush, at)

    def _flush(self, at: float) -> None:
        self._timer = None
        self._told = at
        self._wake()

    def end(self) -> None:
        """Nothing follows; readers finish with what is there."""
        self.ended = True
        for entry in self.entries:
            if isinstance(entry, MessageText):
                entry.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def changed(self, timeout: float) -> bool:
        """Wait for something new, at most `timeout` seconds; False when nothing came."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_later(timeout, _expire, waiter)
        try:
            await waiter
        except TimeoutError:
            return False
        finally:
            timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return True


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


class Reader:
    """One follower's place in a log. Not shared; costs a few words, whatever the reader's pace.

    `cursor` is the place after the last event that was taken.
    """

    __slots__ = ("_growing", "_had", "_index", "_place", "cursor", "log")

    def __init__(self, log: RunLog, cursor: Cursor) -> None:
        self.log = log
        self.cursor = cursor
        self._index = 0
        self._place = Cursor(cursor.position, cursor.n)
        # Messages that were passed by while they grow, and the characters had of each.
        self._growing: dict[int, MessageText] = {}
        self._had: dict[int, int] = dict(cursor.open)

    def take(self) -> list[Event]:
        """Every event after the cursor that is there now; moves the cursor."""
        taken: list[Event] = []
        for message in list(self._growing.values()):
            self._grow(message, taken)
        entries = self.log.entries
        while self._index < len(entries):
            entry = entries[self._index]
            if isinstance(entry, MessageText):
                last = self._index == len(entries) - 1
                self._pass(entry, taken, last=last)
                if last and not entry.closed and entry.position not in self._growing:
                    break  # it may grow: look at it again
            elif entry.cursor > self._place:
                self._place = entry.cursor
                self._tell(entry, taken)
            self._index += 1
        if len(self._had) > len(self._growing):  # of attempts that the log doesn't know any more
            self._had = {at: self._had[at] for at in self._growing}
        return taken

    @property
    def finished(self) -> bool:
        return self.log.ended and self._index >= len(self.log.entries) and not self._growing

    def _tell(self, event: Event, taken: list[Event]) -> None:
        """Take `event` as what brings a follower to this place, with what grows besides."""
        position, n, _ = self._place
        cursor = Cursor(position, n, tuple(self._had.items())) if self._had else self._place
        taken.append(event if event.cursor == cursor else event.at(cursor))
        self.cursor = cursor

    def _pass(self, message: MessageText, taken: list[Event], *, last: bool) -> None:
        """Take what is there of a message in its place in the log."""
        at, (position, n, _) = message.position, self._place
        if at in self._had:  # it grew already when this reader came in
            self._growing[at] = message
            self._grow(message, taken)
            return
        if at < position:
            return
        had = max(n, 0) if at == position else 0
        text = message.after(had)
        if text:
            had += len(text)
            self._place = Cursor(at, had)
            self._tell(_piece(message, had, text), taken)
        if not last and not message.closed:
            self._place = Cursor(at, had)
            self._growing[at], self._had[at] = message, had

    def _grow(self, message: MessageText, taken: list[Event]) -> None:
        """Take what has come of a message since it was passed by."""
        at = message.position
        text = message.after(self._had[at])
        end = self._had[at] + len(text)
        if message.closed:
            del self._growing[at], self._had[at]
        else:
            self._had[at] = end
        if at == self._place.position:
            self._place = Cursor(at, end)
        if text:
            self._tell(_piece(message, end, text), taken)


def _piece(message: MessageText, end: int, text: str) -> Event:
    return make(
        message.source,
        Cursor(message.position, end),
        "message.delta",
        datetime.now(UTC),
        step=message.step,
        attempt=message.attempt,
        offset=end - len(text),
        text=text,
    )
