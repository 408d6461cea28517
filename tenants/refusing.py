"""Answers of the door itself: what is said before, or instead of, the application's answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from config.errors import PROBLEM_JSON, Forbidden, Problem, Unavailable
from config.metrics import PROBLEMS
from config.trace import trace_id

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Page = Callable[[Problem, str], bytes]
"""A problem and a trace id as a whole HTML page that loads nothing else."""

SUSPENDED_CLOSE = 4403
UNKNOWN_CLOSE = 4404
UNAVAILABLE_CLOSE = 4503
_HTML = "text/html; charset=utf-8"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def suspended() -> Problem:
    return Forbidden(
        "This tenant is suspended: nobody can sign in and no run goes on until whoever runs the "
        "platform resumes it. Nothing is lost.",
        code="tenant_suspended",
    )


def close_code(problem: Problem) -> int:
    if isinstance(problem, Unavailable):
        return UNAVAILABLE_CLOSE
    return SUSPENDED_CLOSE if isinstance(problem, Forbidden) else UNKNOWN_CLOSE


async def refuse(scope: Scope, send: Send, problem: Problem, page: Page | None = None) -> None:
    """Answer with a problem: to a browser that asked for a page with `page`, where there is one."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": close_code(problem), "reason": problem.code})
        return
    PROBLEMS.labels(problem.code).inc()
    if page is not None and _wants_page(scope):
        kind, body = _HTML, page(problem, trace_id())
    else:
        kind, body = PROBLEM_JSON, orjson.dumps(problem.as_dict(trace_id()))
    headers = {
        "content-type": kind,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-trace-id": trace_id(),
        **problem.headers,
    }
    if kind == _HTML:
        headers["content-security-policy"] = _PAGE_POLICY
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    head = scope.get("method") == "HEAD"
    await send({"type": "http.response.body", "body": b"" if head else body})


def _wants_page(scope: Scope) -> bool:
    if scope["path"].startswith("/api/"):
        return False
    return any(
        name.lower() == b"accept" and b"text/html" in value
        for name, value in scope.get("headers", ())
    )
