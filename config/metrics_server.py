"""Health and metrics of a process that serves no web: a listener for these addresses alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from config.health import health
from config.metrics_page import metrics

log = logging.getLogger(__name__)

_MOST_HEADER = 16_384  # bytes
_PATIENCE = 5.0  # seconds for a request to be there, and for its answer to be taken
_REASONS = {200: "OK", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


async def serve(host: str, port: int) -> asyncio.Server:
    """Listen on `port` for GET /healthz, /readyz and /metrics; close what is returned to end.

    Raises OSError when the port can't be had.
    """
    return await asyncio.start_server(_answer, host, port, limit=_MOST_HEADER)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request a connection; what is no such request is left without an answer."""
    try:
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
        scope = _scope(head, writer.get_extra_info("peername"))
        if scope is not None:
            await _serve(scope, writer)
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _scope(head: bytes, peer: Any) -> dict[str, Any] | None:
    """As much of an ASGI scope as the pages look at, or None for what is no GET."""
    first, *rest = head.split(b"\r\n")
    method, _, target = first.partition(b" ")
    path = target.partition(b" ")[0].partition(b"?")[0].decode("latin1")
    if method != b"GET" or not path.startswith("/"):
        return None
    headers = []
    for line in rest:
        name, colon, value = line.partition(b":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    client = list(peer[:2]) if peer else None
    return {"type": "http", "method": "GET", "path": path, "headers": headers, "client": client}


async def _serve(scope: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            lines = [b"HTTP/1.1 %d %s" % (status, _REASONS.get(status, "").encode())]
            lines += [name + b": " + value for name, value in message["headers"]]
            writer.write(b"\r\n".join([*lines, b"connection: close", b"", b""]))
        else:
            writer.write(message["body"])

    try:
        if not await health(scope, send) and not await metrics(scope, send):
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
    except Exception:
        log.exception("%s could not be told", scope["path"])
