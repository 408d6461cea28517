"""Server-sent events out of raw bytes, however the network cuts them."""

from __future__ import annotations

from agents.models_llm.errors import TooLarge


class EventParser:
    """Turns chunks of bytes into the `data` of each finished event.

    It works on bytes, so a chunk may end inside a UTF-8 sequence; only `data` is kept, since the
    chat protocol uses no other field. `max_line` is in bytes.
    """

    __slots__ = ("_data", "_max_line", "_pending", "_pending_size", "events")

    def __init__(self, max_line: int = 1_048_576) -> None:
        self._max_line = max_line
        # Pieces of a line without its end yet: joined once, so a line that arrives byte by byte
        # costs linear time.
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._data: list[bytes] = []
        self.events = 0
        """Events given out so far."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events this chunk completes. Raises `TooLarge` for an endless line."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        if self._pending:
            chunk = b"".join((*self._pending, chunk))
            self._pending.clear()
            self._pending_size = 0
        lines = chunk.split(b"\n")
        rest = lines.pop()
        events: list[bytes] = []
        for line in lines:
            self._line(line, events)
        if rest:
            self._keep(rest)
        return events

    def finish(self) -> list[bytes]:
        """What an ended stream left without its closing blank line."""
        events: list[bytes] = []
        if self._pending:
            line = b"".join(self._pending)
            self._pending.clear()
            self._pending_size = 0
            self._line(line, events)
        self._line(b"", events)
        return events

    def _keep(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._pending_size += len(piece)
        if self._pending_size > self._max_line:
            raise TooLarge(f"A line of the model's reply is longer than {self._max_line:,} bytes.")

    def _line(self, line: bytes, events: list[bytes]) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if not line:
            if self._data:
                self.events += 1
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
        elif line.startswith(b"data:"):
            if len(line) > self._max_line:
                raise TooLarge(
                    f"A line of the model's reply is longer than {self._max_line:,} bytes."
                )
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
