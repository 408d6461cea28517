"""Back-pressure under daphne: a client that does not read stops what is written for it.

Daphne writes what it is given into the transport's buffer, without end. Twisted tells a registered
producer when that buffer is full (64 KB) and when it has room again; here that makes `send` of an
event stream or a socket wait, as uvicorn's does. The run's log keeps one copy of what is missed, so
a follower that waits costs nothing more. Who reads nothing for STREAM_STALL_SECONDS is cut off, and
may come back with Last-Event-ID.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from autobahn.exception import Disconnected
from django.conf import settings

from config.metrics import STALLED


class Gate:
    """Twisted's IPushProducer as a gate to wait at. Of one connection, on the loop's thread."""

    def __init__(self) -> None:
        self._shut: asyncio.Event | None = None

    def pauseProducing(self) -> None:
        if self._shut is None:
            self._shut = asyncio.Event()

    def resumeProducing(self) -> None:
        if self._shut is not None:
            self._shut.set()
            self._shut = None

    stopProducing = resumeProducing

    async def passed(self, seconds: float) -> bool:
        """Wait until there is room again; False when there was none for so many seconds."""
        if self._shut is None:
            return True
        try:
            async with asyncio.timeout(seconds or None):
                await self._shut.wait()
        except TimeoutError:
            return False
        return True


class Inbox:
    """What came from one client and the application has not taken yet; one coroutine takes.

    An asyncio.Queue would hold 3 KB for as long as a stream lasts.
    """

    __slots__ = ("_came", "_waiter")

    def __init__(self) -> None:
        self._came: list[Any] = []
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._came.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Any:
        while not self._came:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._came.pop(0)


def install() -> None:
    """Make daphne's servers of this process wait for slow clients. Once, before they serve."""
    from daphne.server import Server

    write = Server.handle_reply

    def create_application(self: Any, protocol: Any, scope: Any) -> Inbox | None:
        """As daphne's own, but for the queue."""
        about = self.connections.get(protocol)
        if about is None:  # gone already
            return None
        inbox = Inbox()
        scope.setdefault("asgi", {"version": "3.0"})
        about["application_instance"] = asyncio.ensure_future(
            self.application(
                scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol)
            )
        )
        return inbox

    async def handle_reply(self: Any, protocol: Any, message: Any) -> None:
        kind = message["type"]
        gate: Gate | None = getattr(protocol, "concord_gate", None)
        if gate is not None and kind == "http.response.body" and not message.get("more_body"):
            _unregister(protocol)
            gate = None
        if kind == "websocket.send":
            await _write_whole(write, self, protocol, message)
        else:
            await write(self, protocol, message)
        if gate is not None:
            if not await gate.passed(settings.STREAM_STALL_SECONDS):
                STALLED.inc()
                protocol.transport.abortConnection()
        elif kind == "websocket.accept" or (kind == "http.response.start" and _streams(message)):
            _register(protocol, kind)

    Server.handle_reply = handle_reply
    Server.create_application = create_application


async def _write_whole(write: Any, server: Any, protocol: Any, message: Any) -> None:
    """Without daphne's limit for messages, which is meant for clients and binds us as well.

    An answer may be longer, and so may the piece that a slow reader gets.
    """
    most = protocol.maxMessagePayloadSize
    protocol.maxMessagePayloadSize = 0
    try:
        await write(server, protocol, message)  # doesn't wait: nothing is read meanwhile
    except Disconnected as error:  # as ASGI has it, and as uvicorn says it
        raise ConnectionResetError("the client is gone") from error
    finally:
        protocol.maxMessagePayloadSize = most


def _streams(message: Any) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )


def _register(protocol: Any, kind: str) -> None:
    gate = Gate()
    if kind == "websocket.accept":
        # After the upgrade the HTTP channel still is the transport's producer, to no purpose.
        transport = protocol.transport
        if transport is None or transport.disconnecting:
            return
        transport.unregisterProducer()
        transport.registerProducer(gate, True)
    elif protocol.channel is not None and not protocol.finished:
        protocol.registerProducer(gate, True)
    else:
        return
    protocol.concord_gate = gate


def _unregister(protocol: Any) -> None:
    """Twisted wants a request's producer gone before the request ends."""
    del protocol.concord_gate
    if protocol.channel is not None and protocol.producer is not None:
        protocol.unregisterProducer()
