"""`/healthz`: the process lives. `/readyz`: database and migrations are as they should be."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from django.db import connection

from tenants.context import use_shared
from tenants.hop import hop
from tenants.provisioning import shared_is_current

log = logging.getLogger(__name__)

_PATHS = {"/healthz", "/readyz", "/api/v1/healthz", "/api/v1/readyz"}


async def health(scope: Any, send: Any) -> bool:
    """Answer a health request, of whatever host, and return True; False for any other path."""
    if scope["path"] not in _PATHS:
        return False
    status, body = (200, {"status": "live"})
    if scope["path"].endswith("readyz"):
        status, body = await _ready()
    encoded = orjson.dumps(body)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(encoded)).encode()),
                (b"cache-control", b"no-store"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": encoded})
    return True


async def _ready() -> tuple[int, dict[str, Any]]:
    with use_shared():
        try:
            current = await hop(_look)
        except Exception as error:
            log.warning("not ready: %s: %s", type(error).__name__, error)
            return 503, {"status": "unavailable", "database": "unreachable"}
    if not current:
        return 503, {"status": "unavailable", "database": "ok", "migrations": "behind"}
    return 200, {"status": "ready", "database": "ok", "migrations": "current"}


def _look() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return shared_is_current()
