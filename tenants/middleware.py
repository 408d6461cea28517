"""The ASGI door: sets the tenant for http and websocket, outermost, for as long as they last.

Pure ASGI, because a Django middleware would reset the tenant while a stream's body is still being
sent. The host says which tenant; for the API and the socket, `X-Tenant` may say it instead, for
clients that can't choose their host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from config.errors import PROBLEM_JSON, BadRequest, NotFound, Problem
from config.trace import start_trace, trace_id
from tenants.context import TenantRef, use_tenant
from tenants.directory import by_host, by_slug

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Pages are left out: there a header must not turn one tenant's cookie towards another.
_BY_HEADER = ("/api/", "/ws/")


class TenantMiddleware:
    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        trace = start_trace(
            headers.get(b"traceparent", b"").decode("latin1"),
            headers.get(b"tracestate", b"").decode("latin1"),
        )
        try:
            ref = await _tenant(scope, headers)
        except Problem as problem:
            await refuse(scope, send, problem)
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
            await self.app(scope, receive, traced)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope.get("headers", ())}


async def _tenant(scope: Scope, headers: dict[bytes, bytes]) -> TenantRef:
    named = headers.get(b"x-tenant")
    if named is not None and scope["path"].startswith(_BY_HEADER):
        slug = named.decode("latin1").strip()
        ref = await by_slug(slug) if slug else None
        if ref is None:
            raise NotFound("X-Tenant names no active tenant.", code="unknown_tenant")
        return ref
    host = host_name(headers.get(b"host", b"").decode("latin1"))
    if not host:
        raise BadRequest("The request has no usable Host header.", code="host")
    ref = await by_host(host)
    if ref is None:
        raise NotFound("No tenant is served at this host.", code="unknown_tenant")
    return ref


def host_name(header: str) -> str:
    """The host of a Host header in small letters, without its port; "" when it has none."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]" if "]" in header else ""
    return header.partition(":")[0].rstrip(".")


async def refuse(scope: Scope, send: Send, problem: Problem) -> None:
    """Answer with a problem before any tenant is set."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4404})
        return
    body = orjson.dumps(problem.as_dict(trace_id()))
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", PROBLEM_JSON.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"x-trace-id", trace_id().encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
