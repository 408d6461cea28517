"""What goes on for a while on somebody's behalf: runs, streams, sockets. It looks again on notice.

A watch costs two words while nothing happens: no timer and no question to the database. When a
notice says that a member, a sign-in or a key of theirs changed, each of their watches in this
process looks at its right anew, one after the other, on the event loop it was made on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from tenants import notices
from tenants.context import TenantRef, current_tenant, use_tenant
from tenants.notices import Notice
from tenants.outage import database_away

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watch:
    """`look` is called under `ref`; it ends what has no right to go on any more."""

    ref: TenantRef
    member_id: int
    look: Callable[[], Awaitable[None]]

    def end(self) -> None:
        """Stop watching. Repeating it is no error."""
        key = (self.ref.schema, self.member_id)
        mine = _watches.get(key)
        if mine is not None:
            mine.discard(self)
            if not mine:
                del _watches[key]


_watches: dict[tuple[str, int], set[Watch]] = {}
_looking: set[asyncio.Task[None]] = set()


def watch(member_id: int, look: Callable[[], Awaitable[None]]) -> Watch:
    """Call `look` when the authority of this member of the current tenant may have changed."""
    made = Watch(current_tenant(), member_id, look)
    _watches.setdefault((made.ref.schema, member_id), set()).add(made)
    return made


def _changed(notice: Notice | None) -> None:
    if not _watches:
        return
    found: list[Watch] = []
    if notice is None:
        found = [one for several in _watches.values() for one in several]
    else:
        member_id = notice.fields.get("member" if notice.kind == "api_key" else "id")
        for key, several in list(_watches.items()):
            if key[0] == notice.schema and member_id in (None, key[1]):
                found += several
    if found:
        task = asyncio.get_running_loop().create_task(_look_at(found))
        _looking.add(task)
        task.add_done_callback(_looking.discard)


async def _look_at(found: Iterable[Watch]) -> None:
    for one in found:
        with use_tenant(one.ref):
            try:
                await one.look()
            except Exception as error:  # the others' turn all the same
                if database_away(error):  # it will be told again when it is back
                    log.warning("a member's right not looked at: %s", type(error).__name__)
                else:
                    log.exception("could not look at a member's right again")


notices.on("member", _changed)
notices.on("api_key", _changed)
