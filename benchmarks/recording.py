"""What a server asks of the database, request by request: an ASGI wrapper for measurements.

Serves config.asgi:application and, at /bench/queries, the ORM's statements since that was last
asked, as JSON: `[[sql, milliseconds], ...]`, each with its values put in.
"""

from __future__ import annotations

import json
import time
from typing import Any

from config.asgi import application as _wrapped

from django.db.backends.utils import CursorWrapper  # isort: skip - after the settings

_seen: list[tuple[str, float]] = []
_execute = CursorWrapper.execute


def _recorded(self: Any, sql: str, params: Any = None) -> Any:
    begun = time.perf_counter()
    try:
        return _execute(self, sql, params)
    finally:
        took = (time.perf_counter() - begun) * 1000
        _seen.append((str(self.db.ops.last_executed_query(self.cursor, sql, params)), took))


CursorWrapper.execute = _recorded  # type: ignore[method-assign]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] == "/bench/queries":
        body = json.dumps(_seen).encode()
        _seen.clear()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await _wrapped(scope, receive, send)
