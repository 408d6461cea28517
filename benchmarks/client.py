"""The load: HTTP/1.1 requests on kept-alive connections, their event streams read to the end.

A bare asyncio protocol, because the client shares the machine with what it measures: it looks for
the first event, the first token and the end of the stream in the bytes and parses nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

END = b"0\r\n\r\n"
TAIL = 4096  # bytes kept to recognise marks that two reads tear apart


@dataclass(slots=True)
class Outcome:
    """One request as its client saw it; times are seconds from sending."""

    status: int = 0
    first_event: float = 0.0
    first_token: float = 0.0
    took: float = 0.0
    error: str = ""
    opening: bytes = b""
    """The first bytes of the body: the run's and the session's ids are among them."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By which bytes a contender's stream shows its first token and a good end."""

    token: bytes
    good_end: bytes


class _Stream(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[Outcome] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(
        self, request: bytes, marks: Marks, on_token: Callable[[], None] | None
    ) -> asyncio.Future[Outcome]:
        assert self.transport is not None
        self.marks, self.outcome, self.on_token = marks, Outcome(), on_token
        self.head, self.tail, self.left = bytearray(), bytearray(), -1
        self.ended_well = False
        self.waiting = asyncio.get_running_loop().create_future()
        self.begun = time.perf_counter()
        self.transport.write(request)
        return self.waiting

    def data_received(self, data: bytes) -> None:
        if self.waiting is None:
            return
        now = time.perf_counter() - self.begun
        if not self.outcome.status:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = bytes(self.head[:end]).lower(), bytes(self.head[end + 4 :])
            self.outcome.status = int(head.split(None, 2)[1])
            at = head.find(b"content-length:")
            self.left = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else -1
        self.tail += data
        if not self.outcome.first_event and b"data:" in self.tail:
            self.outcome.first_event = now
            self.outcome.opening = bytes(self.tail)
        if not self.outcome.first_token and self.marks.token in self.tail:
            self.outcome.first_token = now
            if self.on_token is not None:
                self.on_token()
        self.ended_well = self.ended_well or self.marks.good_end in self.tail
        if self.left >= 0:
            self.left -= len(data)
        if self.left == 0 or (self.left < 0 and self.tail.endswith(END)):
            self._finish(now)
        elif len(self.tail) > 2 * TAIL:
            del self.tail[:-TAIL]

    def _finish(self, now: float) -> None:
        outcome, waiting = self.outcome, self.waiting
        outcome.took, self.waiting = now, None
        if outcome.status != 200:
            outcome.error = f"HTTP {outcome.status}: {bytes(self.tail[:200])!r}"
        elif not self.ended_well:
            outcome.error = f"ended with {bytes(self.tail[-300:])!r}"
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.outcome.error = f"connection lost: {exc!r}"
            self.waiting.set_result(self.outcome)
            self.waiting = None


@dataclass
class Client:
    """Connections to one server, used again and again; one request at a time on each."""

    port: int
    marks: Marks
    seconds: float = 120.0
    idle: list[_Stream] = field(default_factory=list)

    async def ask(self, request: bytes, on_token: Callable[[], None] | None = None) -> Outcome:
        """Send one request and read its answer to the end; `on_token` is called at the first token.

        Never raises for what went wrong: the outcome says it.
        """
        stream = self._reusable()
        if stream is None:
            try:
                loop = asyncio.get_running_loop()
                _, stream = await loop.create_connection(_Stream, "127.0.0.1", self.port)
            except OSError as error:
                return Outcome(error=f"cannot connect: {error}")
        try:
            outcome = await asyncio.wait_for(
                stream.send(request, self.marks, on_token), self.seconds
            )
        except TimeoutError:
            outcome = stream.outcome
            outcome.error = f"no end within {self.seconds:.0f} s"
        except asyncio.CancelledError:
            self._drop(stream)
            raise
        if outcome.error:
            self._drop(stream)
        else:
            self.idle.append(stream)
        return outcome

    def _reusable(self) -> _Stream | None:
        while self.idle:
            stream = self.idle.pop()
            if stream.transport is not None and not stream.transport.is_closing():
                return stream
        return None

    def _drop(self, stream: _Stream) -> None:
        stream.waiting = None
        if stream.transport is not None:
            stream.transport.abort()

    def close(self) -> None:
        while self.idle:
            self._drop(self.idle.pop())


def post(path: str, port: int, body: bytes, kind: str, headers: dict[str, str]) -> bytes:
    """The bytes of a POST request with a body of content type `kind`."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Type: {kind}"]
    lines += [f"Content-Length: {len(body)}", "Accept: text/event-stream"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
