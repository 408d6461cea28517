"""Answers that take a while: event streams, and waiting for a run to finish."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

import orjson
from django.http import HttpResponse, StreamingHttpResponse

from agents.api.visible import while_visible
from agents.runtime.events import START, Cursor
from agents.runtime.follow import ended, follow
from agents.runtime.state import RunState
from agents.runtime.store import load_run
from agents.services.start_run import Started
from config.load import load
from tenants.pool import tenant_connection

# A comment line: keeps proxies from closing a quiet stream, and is no event.
_HEARTBEAT = b": still here\n\n"


def json_response(body: object, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")


async def answer_run(started: Started, *, stream: bool, background: bool) -> HttpResponse:
    run = started.run
    if stream:
        return event_stream(run.id, START)
    if not background:
        run = await finished(run)
    response = json_response(run.as_json(), 202 if background else 200)
    response["Location"] = f"/api/v1/runs/{run.id}"
    return response


async def finished(run: RunState) -> RunState:
    """The run once it has ended. Held here its state is current; elsewhere it is read again."""
    with load.holding("wait"):
        await ended(run.id)
    if run.finished_at is None:
        async with tenant_connection() as conn:
            run = await load_run(conn, run.id, steps=False) or run
    return run


def event_stream(run_id: UUID, after: Cursor) -> StreamingHttpResponse:
    """The run's events as server-sent events, each with its id."""
    response = StreamingHttpResponse(_events(run_id, after), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    response["X-Run-Id"] = str(run_id)
    return response


async def _events(run_id: UUID, after: Cursor) -> AsyncIterator[bytes]:
    with load.holding("stream"):
        async with aclosing(while_visible(run_id, follow(run_id, after))) as batches:
            async for batch in batches:
                yield b"".join([event.sse() for event in batch]) if batch else _HEARTBEAT
