"""Requests, sockets and sign-ins counted and, if asked for, logged: route, status, time.

Never their content.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver

from config.load import Holding, load
from config.metrics import FIRST_EVENT_SECONDS, HTTP_REQUESTS, HTTP_SECONDS, SIGN_IN_FAILURES

access = logging.getLogger("concord.access")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_EVENT_STREAM = b"text/event-stream"
Work = Callable[[Any], Awaitable[None]]


class TellsRoute:
    """For a Django handler: leaves the pattern that matched in the ASGI scope, as `route`."""

    def resolve_request(self, request: Any) -> Any:
        match = super().resolve_request(request)  # type: ignore[misc]
        request.scope["route"] = match.route
        return match


@cache
def _counted(method: str, route: str, status: int) -> Any:
    return HTTP_REQUESTS.labels(method, route, f"{status}xx")


@cache
def _timed(method: str, route: str) -> Any:
    return HTTP_SECONDS.labels(method, route)


async def observed(scope: Any, send: Any, work: Work) -> None:
    """Do `work(send)`, which answers the request of `scope`, and count what came of it.

    Labels are bounded: the route is a URL pattern, an unknown method is `other`. What leaves before
    its answer began counts as status 0xx. An event stream has a time to its first event instead of
    a time in all, and counts as open while it lasts.
    """
    begun = time.perf_counter()
    status = 0
    stream = first = False

    async def seen(message: Any) -> None:
        nonlocal status, stream, first
        if message["type"] == "http.response.start":
            status = message["status"]
            stream = any(
                name.lower() == b"content-type" and value.startswith(_EVENT_STREAM)
                for name, value in message.get("headers", ())
            )
        elif stream and not first and message.get("body"):
            first = True
            FIRST_EVENT_SECONDS.observe(time.perf_counter() - begun)
        await send(message)

    try:
        await work(seen)
    finally:
        seconds = time.perf_counter() - begun
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = scope.get("route") or _unrouted(scope["path"])
        _counted(method, route, status // 100).inc()
        if not stream and status:
            _timed(method, route).observe(seconds)
        if settings.ACCESS_LOG:
            _log(scope, method, status, seconds)


def _unrouted(path: str) -> str:
    return "static" if path.startswith(settings.STATIC_URL) else "none"


def _log(scope: Any, method: str, status: int, seconds: float) -> None:
    client = scope.get("client")
    access.info(
        "%s %s %s",
        method,
        scope["path"],  # without the query, which may hold what people searched for
        status,
        extra={
            "status": status,
            "ms": round(seconds * 1000, 1),
            "client": client[0] if client else None,
        },
    )


@receiver(user_login_failed)
def count_failed_sign_in(**_: Any) -> None:
    """A name or password refused, by the API or a page alike."""
    SIGN_IN_FAILURES.inc()


class Bounded:
    """A WebSocket application that takes SOCKETS_MAX sockets at once and turns further ones away.

    They are told 503 where the server can, else 4503 as the code of a closed socket (the codes that
    the standard has for it are not an application's to send under daphne).
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not load.socket_fits():
            await _turn_away(scope, receive, send)
            return
        holding: Holding = "socket"
        with load.holding(holding):
            await self.app(scope, receive, send)


async def _turn_away(scope: Any, receive: Any, send: Any) -> None:
    await receive()  # the connect message
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"content-type", b"text/plain"), (b"retry-after", b"10")]
        await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"Too many sockets.\n"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4503, "reason": "too many sockets"})
