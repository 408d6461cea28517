"""How late an event loop runs, measured inside the server: an ASGI wrapper for the benchmarks.

BENCH_APP names the application it wraps (`config.asgi:application`). While the server runs, a timer
on its loop wants to wake every 10 ms; by how much it was late is answered, in milliseconds, at
/bench/lag as JSON, and forgotten.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from typing import Any

EVERY = 0.01  # seconds
_module, _, _name = os.environ["BENCH_APP"].partition(":")
_wrapped = getattr(importlib.import_module(_module), _name)


class Sampler:
    """Collects lateness from the first request for it on."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.running = False

    def take(self) -> list[float]:
        taken, self.late = self.late, []
        if not self.running:
            self.running = True
            self._next(asyncio.get_running_loop())
        return taken

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + EVERY
        loop.call_at(due, self._woken, loop, due)

    def _woken(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.late.append(round((loop.time() - due) * 1000, 3))
        self._next(loop)


_sampler = Sampler()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] == "/bench/lag":
        body = json.dumps(_sampler.take()).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await _wrapped(scope, receive, send)
