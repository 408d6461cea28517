"""`/healthz`: the process lives. `/readyz`: it can serve, and whether it is drained or too busy."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from django.db import connection

from config.load import load
from tenants.context import use_shared
from tenants.hop import hop
from tenants.staleness import shared_is_current

log = logging.getLogger(__name__)

_PATHS = {"/healthz", "/readyz", "/api/v1/healthz", "/api/v1/readyz"}


async def health(scope: Any, send: Any) -> bool:
    """Answer a health request, of whatever host, and return True; False for any other path."""
    if scope["path"] not in _PATHS:
        return False
    scope["route"] = "health"
    status, body = (200, {"status": "live"})
    if scope["path"].endswith("readyz"):
        status, body = await ready()
    await send_whole(send, status, body)
    return True


async def send_whole(
    send: Any, status: int, body: dict[str, Any] | bytes, content_type: str = "application/json"
) -> None:
    """An answer in one piece that nobody may keep."""
    encoded = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(encoded)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})


async def ready() -> tuple[int, dict[str, Any]]:
    """Status and body of /readyz.

    A process that drains says 503, so that balancers send it nothing more. An overloaded one says
    200: it refuses by itself what is too much, and taking it away would only overload the next.
    """
    if load.draining:
        return 503, {"status": "draining"}
    with use_shared():
        try:
            current = await hop(_look)
        except Exception as error:
            log.warning("not ready: %s: %s", type(error).__name__, error)
            return 503, {"status": "unavailable", "database": "unreachable"}
    if not current:
        return 503, {"status": "unavailable", "database": "ok", "migrations": "behind"}
    return 200, {"status": load.state(), "database": "ok", "migrations": "current"}


def _look() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return shared_is_current()
