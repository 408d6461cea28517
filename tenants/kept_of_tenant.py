"""One value for each tenant, such as its grants: read once, remembered until a notice of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tenants import notices
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept

V = TypeVar("V")


class KeptOfTenant(Generic[V]):
    """`read` gives the active tenant's value: plain ORM code, run as one unit on a hop's thread.

    A notice of one of `kinds` drops its sender's value, one of `everybodys` drops all. `most` and
    `seconds` are those of Kept.
    """

    def __init__(
        self,
        read: Callable[[], V],
        *,
        kinds: tuple[str, ...],
        seconds: Callable[[], float],
        everybodys: tuple[str, ...] = (),
        most: int = 5000,
    ) -> None:
        self._read = read
        self._kept: Kept[str, V] = Kept(most, seconds)
        self._everybodys = everybodys
        for kind in (*kinds, *everybodys):
            notices.on(kind, self._forget)

    async def get(self) -> V:
        """The active tenant's value; from memory, but for the first time and after a change."""
        return await self._kept.get(current_tenant().schema, lambda: hop(self._read))

    def _forget(self, notice: notices.Notice | None) -> None:
        if notice is None or notice.kind in self._everybodys:
            self._kept.forget()
        else:
            self._kept.drop(notice.schema)
