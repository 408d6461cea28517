"""A stream goes on for as long as whoever asked for it may see the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from agents.runtime.events import Event
from agents.services.access import access_run
from config.errors import NotFound
from tenants.accounts.guard import as_now, asking
from tenants.accounts.live import watch
from tenants.accounts.principal import Principal
from tenants.hop import hop


async def may_still_see(who: Principal, run_id: UUID) -> Principal | None:
    """`who` as they are now, by the same token or key; None when the run isn't theirs to see."""
    fresh = await as_now(who)
    if fresh is None or fresh.scopes == who.scopes:
        return fresh
    try:
        await hop(access_run, fresh, run_id)
    except NotFound:
        return None
    return fresh if fresh.scopes else None


async def while_visible(
    run_id: UUID, batches: AsyncGenerator[list[Event], None]
) -> AsyncGenerator[list[Event], None]:
    """`batches`, until the right of who is `asking` ends; then the stream ends, wherever it is."""
    watching = _Watching(run_id)
    try:
        async with aclosing(batches):
            while (batch := await watching.next(batches)) is not None:
                yield batch
    finally:
        watching.end()


class _Watching:
    def __init__(self, run_id: UUID) -> None:
        who = asking.get()
        if who is None:
            raise RuntimeError("a stream is served to somebody: no principal is set")
        self._who: Principal | None = who
        self._run_id = run_id
        self._waiting: asyncio.Task[object] | None = None
        self._watch = watch(who.member_id, self._look)

    async def _look(self) -> None:
        if self._who is not None:
            self._who = await may_still_see(self._who, self._run_id)
            # Between batches the stream is being sent, which isn't this one's to interrupt.
            if self._who is None and self._waiting is not None:
                self._waiting.cancel()

    async def next(self, batches: AsyncGenerator[list[Event], None]) -> list[Event] | None:
        if self._who is None:
            return None
        self._waiting = asyncio.current_task()
        try:
            return await anext(batches, None)
        except asyncio.CancelledError:
            if self._who is not None or not self._waiting or self._waiting.uncancel() > 0:
                raise
            return None
        finally:
            self._waiting = None

    def end(self) -> None:
        self._watch.end()
