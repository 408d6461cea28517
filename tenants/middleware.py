"""The ASGI door: sets the tenant for http and websocket, outermost, for as long as they last.

Pure ASGI, because a Django middleware would reset the tenant while a stream's body is still being
sent. The host says which tenant; for the API and the socket, `X-Tenant` may say it instead, for
clients that can't choose their host.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from config.errors import BadRequest, NotFound, Problem, Unavailable
from config.load import load
from config.trace import start_trace
from tenants import entered, happened
from tenants.context import TenantRef, use_tenant
from tenants.directory import known_host, known_slug
from tenants.outage import AWAY, database_away
from tenants.refusing import SUSPENDED_CLOSE, Page, Scope, Send, refuse, suspended

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Pages are left out: there a header must not turn one tenant's cookie towards another.
_BY_HEADER = ("/api/", "/ws/")
_STARTS_RUN = re.compile(r"^/api/v1/[a-z]+/[^/]+/runs$")


class TenantMiddleware:
    """`page` makes the HTML for a browser that is refused; without it all get problem+json."""

    def __init__(self, app: Application, page: Page | None = None) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        trace = start_trace(
            headers.get(b"traceparent", b"").decode("latin1"),
            headers.get(b"tracestate", b"").decode("latin1"),
        )
        happened.came_from(scope)
        since = entered.changes()
        try:
            if _STARTS_RUN.match(scope["path"]) and scope.get("method") == "POST":
                # Before anything is asked of the database: there is least time when all is full.
                load.check_any_start()
            ref = await _tenant(scope, headers)
        except Problem as problem:
            await refuse(scope, send, problem, self.page)
            return
        except Exception as error:
            if not database_away(error):
                raise
            log.error("database: %s", type(error).__name__)
            await refuse(scope, send, Unavailable(AWAY, headers={"Retry-After": "2"}), self.page)
            return
        scope["tenant"] = ref

        async def traced(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-trace-id", trace.encode()),
                ]
            await send(message)

        with use_tenant(ref):
            if scope["type"] == "websocket":
                await _socket(self.app, scope, receive, send, since)
            elif scope["path"].startswith("/api/"):
                await _request(self.app, scope, receive, traced, since)
            else:  # a page is answered in one go
                await self.app(scope, receive, traced)


async def _request(
    app: Application, scope: Scope, receive: Receive, send: Send, since: int
) -> None:
    """Serve until done, or until the tenant is suspended: then a stream ends where it is.

    The client that follows on from its last event is told why. What had not been answered yet is
    refused, though it may have begun.
    """
    task = asyncio.current_task()
    assert task is not None  # servers run each request in a task of its own
    begun = ended = False

    async def told(message: MutableMapping[str, Any]) -> None:
        nonlocal begun, ended
        begun = True
        ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    note = entered.enter(scope["tenant"].schema, task.cancel, since)
    try:
        await app(scope, receive, told)
    except asyncio.CancelledError:
        if not note.ended:
            raise
        task.uncancel()
        if not begun:
            await refuse(scope, send, suspended())
        elif not ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        note.leave()


async def _socket(app: Application, scope: Scope, receive: Receive, send: Send, since: int) -> None:
    """Serve until either side closes, or until the tenant is suspended: then with a reason."""
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    note = entered.enter(scope["tenant"].schema, lambda: gone.set_result(None), since)

    async def heard() -> MutableMapping[str, Any]:
        hearing: asyncio.Future[Any] = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({hearing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not note.ended:
                return dict(hearing.result())
        finally:
            if not hearing.done():
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
        await send({"type": "websocket.close", "code": SUSPENDED_CLOSE, "reason": suspended().code})
        return {"type": "websocket.disconnect", "code": SUSPENDED_CLOSE}

    async def said(message: MutableMapping[str, Any]) -> None:
        if not note.ended:  # after the close there is nobody to hear it
            await send(message)

    try:
        await app(scope, heard, said)
    finally:
        note.leave()


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope.get("headers", ())}


async def _tenant(scope: Scope, headers: dict[bytes, bytes]) -> TenantRef:
    named = headers.get(b"x-tenant")
    if named is not None and scope["path"].startswith(_BY_HEADER):
        slug = named.decode("latin1").strip()
        known = await known_slug(slug) if slug else None
        unknown = "X-Tenant names no active tenant."
    else:
        host = host_name(headers.get(b"host", b"").decode("latin1"))
        if not host:
            raise BadRequest("The request has no usable Host header.", code="host")
        known = await known_host(host)
        unknown = "No tenant is served at this host."
    if known is None:
        raise NotFound(unknown, code="unknown_tenant")
    if not known.serving:
        raise suspended()
    return known.ref


def host_name(header: str) -> str:
    """The host of a Host header in small letters, without its port; "" when it has none."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]" if "]" in header else ""
    return header.partition(":")[0].rstrip(".")
