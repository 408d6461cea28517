"""Whether this process takes on another run right now: memory is looked at, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from agents.runtime.executor import executor
from agents.runtime.metrics import run_started
from config.load import Place, load
from tenants.context import current_tenant
from tenants.pool import waiting_for_connection

P = ParamSpec("P")
T = TypeVar("T")
_place: ContextVar[Place | None] = ContextVar("place", default=None)


def admitted(start: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """For what starts a run: refused while too much waits, counted once it is durable.

    Raises TooManyRequests or Unavailable (code `overloaded`, with Retry-After) before anything is
    done. A start under way has its place already: many at once don't all pass for the last one.
    """

    @wraps(start)
    async def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        schema = current_tenant().schema
        queues = executor().starts_queued()
        load.check_start(schema, queues=queues, database_waiting=waiting_for_connection())
        with load.place(schema, queues=queues) as place:
            before = _place.get()
            _place.set(place)
            try:
                started: Any = await start(*args, **kwargs)
            finally:
                _place.set(before)
            if not started.repeated:
                place.queued = started.run.status == "queued"
                run_started(queued=place.queued)
        return started

    return inner


def held_here() -> bool:
    """Whether the run that is being started has a place in this process's executor."""
    place = _place.get()
    return place is not None and not place.queues and not executor().draining
