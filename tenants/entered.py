"""Requests and sockets that last: ended in every process when their tenant no longer serves.

The door keeps a note of each one for as long as it is open. A notice that a tenant changed makes
each process that has any ask which of their tenants serve, in one query; nothing is asked and no
timer runs while nothing changes.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tenants import notices
from tenants.context import use_shared
from tenants.hop import hop
from tenants.notices import Notice

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Entered:
    """Somebody who came in by the door of this schema. `end` is called on its loop, once."""

    schema: str
    end: Callable[[], object]
    ended: bool = False

    def leave(self) -> None:
        inside = _inside.get(self.schema)
        if inside is not None:
            inside.discard(self)
            if not inside:
                del _inside[self.schema]


_inside: dict[str, set[Entered]] = {}
_looking: set[asyncio.Task[None]] = set()
_changes = 0


def changes() -> int:
    """Counts what was told about tenants. Read it before the tenant is looked up, for `enter`."""
    return _changes


def enter(schema: str, end: Callable[[], object], since: int) -> Entered:
    """Note who comes in; `since` is what `changes` said before the tenant was looked up."""
    entered = Entered(schema, end)
    _inside.setdefault(schema, set()).add(entered)
    if since != _changes:  # what was looked up may be from before the change
        _look_soon()
    return entered


def _changed(_: Notice | None) -> None:
    global _changes
    _changes += 1
    if _inside:
        _look_soon()


def _look_soon() -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # a command's process: nobody comes in there
        return
    task = loop.create_task(_look(), context=contextvars.Context())
    _looking.add(task)
    task.add_done_callback(_looking.discard)


async def _look() -> None:
    schemas = list(_inside)
    with use_shared():
        try:
            closed = await hop(_not_serving, schemas)
        except Exception as error:  # the connection for notices is lost as well, and tells again
            log.warning("could not look who may stay: %s: %s", type(error).__name__, error)
            return
    for schema in closed:
        for entered in list(_inside.get(schema, ())):
            if not entered.ended:
                entered.ended = True
                entered.end()


def _not_serving(schemas: list[str]) -> list[str]:
    from tenants.models import Tenant

    serving = Tenant.objects.filter(schema_name__in=schemas, state=Tenant.State.ACTIVE)
    return list(set(schemas) - set(serving.values_list("schema_name", flat=True)))


notices.on("tenant", _changed)
