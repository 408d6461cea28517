"""A run acts for a member, and ends when the member may not act any more."""

from __future__ import annotations

import asyncio
from types import TracebackType

from agents.runtime.faults import RunFault
from tenants.accounts.live import Watch, watch
from tenants.accounts.principal import principal_of


def suspended() -> RunFault:
    return RunFault("member_suspended", "The member this run acts for is suspended.")


class acting_for:
    """`async with acting_for(member_id)`: RunFault in the block once the member is suspended.

    Like `asyncio.timeout`, it cancels what is under way and turns that into the fault; a cancel
    by somebody else passes through.
    """

    def __init__(self, member_id: int) -> None:
        self._member_id = member_id
        self._over = False
        self._task: asyncio.Task[object] | None = None
        self._watch: Watch | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        self._watch = watch(self._member_id, self._look)
        try:
            # Suspended between the run's reading and the watch? Known here, but in that case.
            if await principal_of(self._member_id) is None:
                raise suspended()
        except BaseException:
            self._watch.end()
            raise

    async def _look(self) -> None:
        if not self._over and await principal_of(self._member_id) is None and self._watch:
            self._over = True
            if self._task is not None:
                self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        assert self._watch is not None and self._task is not None
        self._watch.end()
        self._watch = None
        if self._over and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise suspended() from None
