"""A tool whose effect is elsewhere: it asks a depot over HTTP, with the key that its step has.

The depot is a server of the test's own. Its address is in DEPOT_URL.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp import web

from agents.tools import registry
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

NAME = "ship_parcel"
SHIPS = "Ships parcels: a parcel to somebody."
ATTEMPTS = 3


class Parcel(Arguments):
    text: str


async def ship_parcel(context: ToolContext, args: Parcel) -> dict[str, Any]:
    """Ship a parcel saying what is in it."""
    headers = {"Idempotency-Key": context.idempotency_key}
    body = {"text": args.text, "tenant": context.tenant_schema}
    async with (
        aiohttp.ClientSession() as session,
        session.post(os.environ["DEPOT_URL"], json=body, headers=headers) as answer,
    ):
        return dict(await answer.json())


def register() -> None:
    """In this process's registry."""
    registry.tool(
        effect=Effect.IDEMPOTENT_WRITE,
        scope=Scope.AGENTS_RUN,
        timeout=0.7,
        attempts=ATTEMPTS,
        toolkit="parcels",
    )(ship_parcel)


@contextmanager
def registered() -> Iterator[None]:
    """In the test's own process, which publishes agents that have it."""
    register()
    try:
        yield
    finally:
        registry._installed._specs.pop(NAME)


class Depot:
    """`asked`: the key and text of each request. It never answers where `hangs` says so."""

    def __init__(self, hangs: Callable[[list[tuple[str, str]], str], bool]) -> None:
        self.hangs = hangs
        self.asked: list[tuple[str, str]] = []
        self.shipped: dict[str, str] = {}
        app = web.Application()
        app.router.add_post("/", self._ship)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/"

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _ship(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        before, text = list(self.asked), json.loads(await request.text())["text"]
        self.asked.append((key, text))
        self.shipped.setdefault(key, text)  # the effect, though nobody may hear of it
        if self.hangs(before, key):
            await asyncio.Event().wait()
        return web.json_response({"shipped": text, "number": len(self.shipped)})
