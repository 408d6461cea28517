"""The WebSocket routes, open only to pages of the very host they are asked at."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from channels.routing import URLRouter
from django.urls import path

from agents.consumers import RunConsumer
from config.observed import Bounded


class SameOrigin:
    """Refuses a browser's page of another origin, another tenant's included.

    A browser sends cookies along whatever page opens the socket, and always says the page's origin.
    A client that says none is no browser, and signs in by token.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        origin = headers.get(b"origin")
        if origin is not None:
            host = headers.get(b"host", b"").decode("latin1").lower()
            if urlsplit(origin.decode("latin1")).netloc.lower() != host:
                await send({"type": "websocket.close", "code": 4403})
                return
        await self.app(scope, receive, send)


sockets = SameOrigin(Bounded(URLRouter([path("ws/runs/", RunConsumer.as_asgi())])))
