"""Those who want to know how much waits for their member, told when it changes.

A notice says that an approval changed, in whatever process. Of the watches of its tenant only those
it may concern look again: its requester's, and those of whoever may sign off. Many changes at once
are one look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from agents.services.inbox import to_decide
from approvals.models import Approval, Delegation
from tenants import notices
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.context import TenantRef, current_tenant, use_tenant
from tenants.hop import hop
from tenants.notices import Notice
from tenants.outage import database_away

log = logging.getLogger(__name__)

# Changes within so many seconds are told of together.
_TOGETHER_SECONDS = 0.2


@dataclass(slots=True, eq=False)
class InboxWatch:
    """`who` gives the member as they are now, or None; `tell` is called with a new number."""

    ref: TenantRef
    who: Callable[[], Principal | None]
    tell: Callable[[int], Awaitable[None]]
    known: int | None = None

    def end(self) -> None:
        """Stop watching. Repeating it is no error."""
        mine = _watches.get(self.ref.schema)
        if mine is not None:
            mine.discard(self)
            if not mine:
                del _watches[self.ref.schema]


_watches: dict[str, set[InboxWatch]] = {}
# By tenant: the approvals that changed since the last look; None: any of them.
_changed: dict[str, set[UUID] | None] = {}
_looking: set[asyncio.Task[None]] = set()


def watch(
    who: Callable[[], Principal | None], tell: Callable[[int], Awaitable[None]]
) -> InboxWatch:
    """Watch in the current tenant, on the running loop, until `end`."""
    made = InboxWatch(current_tenant(), who, tell)
    _watches.setdefault(made.ref.schema, set()).add(made)
    return made


async def waiting(who: Principal) -> int:
    """How much waits for the member."""
    return await hop(lambda: len(to_decide(who)))


def _hear(notice: Notice | None) -> None:
    if not _watches:
        return
    if notice is None:
        for schema in _watches:
            _soon(schema, None)
    elif notice.schema in _watches:
        try:
            _soon(notice.schema, UUID(str(notice.fields.get("id"))))
        except ValueError:
            _soon(notice.schema, None)


def _soon(schema: str, approval_id: UUID | None) -> None:
    first = schema not in _changed
    before = _changed.get(schema, set())
    _changed[schema] = None if approval_id is None or before is None else before | {approval_id}
    if first:
        task = asyncio.get_running_loop().create_task(_look(schema))
        _looking.add(task)
        task.add_done_callback(_looking.discard)


async def _look(schema: str) -> None:
    await asyncio.sleep(_TOGETHER_SECONDS)
    changed = _changed.pop(schema, None)
    watches = list(_watches.get(schema, ()))
    if not watches:
        return
    with use_tenant(watches[0].ref):
        try:
            concerned = None if changed is None else await hop(_concerned, changed)
            for one in watches:
                await _look_for(one, concerned)
        except Exception as error:  # it is asked for again now and then
            if database_away(error):
                log.warning("inboxes not looked at: %s", type(error).__name__)
            else:
                log.exception("could not look at inboxes again")


def _concerned(changed: set[UUID]) -> set[int]:
    """Members beside those with approvals:decide for whom the approvals may count."""
    now = timezone.now()
    asked = Approval.objects.filter(pk__in=changed).values_list("requester_id", flat=True)
    lent = Delegation.objects.filter(begins_at__lte=now, ends_at__gt=now)
    return {*asked, *lent.values_list("substitute_id", flat=True)}


async def _look_for(one: InboxWatch, concerned: set[int] | None) -> None:
    who = one.who()
    if who is None:
        return
    decides = who.may(Scope.APPROVALS_DECIDE)
    if concerned is not None and not decides and who.member_id not in concerned:
        return
    number = await waiting(who)
    if number != one.known:
        one.known = number
        await one.tell(number)


notices.on("approval", _hear)
