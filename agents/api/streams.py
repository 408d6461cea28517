"""Answers that take a while: event streams, and waiting for a run to finish."""

from __future__ import annotations

from uuid import UUID

import orjson
from django.http import HttpResponse

from agents.api.visible import while_visible
from agents.runtime.events import START, Cursor, Event
from agents.runtime.follow import ended, follow
from agents.runtime.state import RunState
from agents.runtime.store import load_run
from agents.services.start_run import Started
from config.event_stream import EventStream
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
        await ended(run.id, or_paused=True)
    if run.finished_at is None:
        async with tenant_connection() as conn:
            run = await load_run(conn, run.id, steps=False) or run
    return run


def event_stream(run_id: UUID, after: Cursor) -> EventStream:
    """The run's events as server-sent events, each with its id."""
    response = EventStream(while_visible(run_id, follow(run_id, after)), _encoded)
    response["X-Run-Id"] = str(run_id)
    return response


def _encoded(batch: list[Event]) -> bytes:
    return b"".join([event.sse() for event in batch]) if batch else _HEARTBEAT
