"""The ASGI application: health, tenant door, then API, sockets or pages."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

import django

django.setup(set_prefix=False)

from agents.models_llm import demo, lean  # noqa: E402, F401 - now, not when the first run asks
from agents.models_llm.connections import aclose_all  # noqa: E402 - needs the apps
from agents.runtime.executor import executor, stop_executor  # noqa: E402
from agents.web.errors import refused  # noqa: E402
from config import daphne_flow, watch  # noqa: E402
from config.handlers import ApiHandler, PageHandler  # noqa: E402
from config.health import health  # noqa: E402
from config.metrics_page import metrics  # noqa: E402
from config.observed import observed  # noqa: E402
from config.sockets import sockets  # noqa: E402
from config.start_checks import run_checks  # noqa: E402
from tenants import notices  # noqa: E402
from tenants.middleware import TenantMiddleware  # noqa: E402
from tenants.pool import close_pool  # noqa: E402

run_checks()


class Application:
    """Routes by type and path. The executor starts with the first thing asked of the process.

    Daphne has no lifespan, so a server start is its first request: the parent's readiness poll.
    """

    def __init__(self) -> None:
        self.api = ApiHandler()
        self.pages = PageHandler()
        self.sockets = sockets
        self.tenant = TenantMiddleware(self._route, refused)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        _start_once()
        if scope["type"] != "http":
            await self.tenant(scope, receive, send)
            return

        async def answer(send: Any) -> None:
            if not await health(scope, send) and not await metrics(scope, send):
                await self.tenant(scope, receive, send)

        await observed(scope, send, answer)

    async def _route(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self.sockets(scope, receive, send)
        elif scope["path"].startswith("/api/"):
            await self.api(scope, receive, send)
        else:
            await self.pages(scope, receive, send)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                _start_once()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await _shut_down()
                await send({"type": "lifespan.shutdown.complete"})
                return


_started: set[asyncio.AbstractEventLoop] = set()


def _start_once() -> None:
    loop = asyncio.get_running_loop()
    if loop not in _started:
        _started.add(loop)
        # An empty context: the executor must not inherit the tenant of whoever came first.
        contextvars.Context().run(executor)
        notices.start()
        watch.start()
        _shut_down_with_twisted()


async def _shut_down() -> None:
    """Let the runs held here go to another owner, and close what is open."""
    watch.drain()
    await stop_executor()
    await watch.stop()
    await notices.stop()
    await aclose_all()
    await close_pool()


def _shut_down_with_twisted() -> None:
    """Daphne has no lifespan, but its reactor waits for what is to be done before it ends."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return
    from twisted.internet.defer import Deferred

    def begin() -> Any:
        return Deferred.fromFuture(asyncio.ensure_future(_shut_down()))

    reactor.addSystemEventTrigger("before", "shutdown", begin)


if "daphne.server" in sys.modules:
    daphne_flow.install()

application = Application()
