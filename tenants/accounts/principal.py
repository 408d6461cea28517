"""Who is asking: the member behind a request, with the scopes that hold right now."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

from django.conf import settings

from tenants import notices
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept
from tenants.notices import Notice

Via = Literal["", "token", "key", "session"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A member as the API and the socket see them. `scopes` is never more than their roles give."""

    member_id: int
    username: str
    name: str
    roles: tuple[str, ...]
    scopes: frozenset[str]
    time_zone: str
    tenant_schema: str
    # How they proved who they are, and the token family's or the key's id.
    via: Via = ""
    credential: str = ""
    email_domain: str = ""  # what follows the @, in small letters; grants ask about it

    def may(self, scope: Scope | str) -> bool:
        return scope in self.scopes

    def narrowed(self, scopes: frozenset[str]) -> Principal:
        """The same member with no more than these scopes: what a token carries."""
        return replace(self, scopes=_both(self.scopes, scopes))

    def known_by(self, via: Via, credential: str, scopes: frozenset[str]) -> Principal:
        """The same member by a token or key of theirs, with no more than its scopes."""
        return replace(self, scopes=_both(self.scopes, scopes), via=via, credential=credential)


@functools.lru_cache(maxsize=1024)
def _both(own: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    """One set for all who have the same: each open stream keeps its principal."""
    return own & given


def load(member_id: int) -> Principal | None:
    """The active member with this id in the active tenant, or None. Synchronous."""
    from tenants.accounts.models import Member

    member = Member.objects.filter(pk=member_id, is_active=True).first()
    return of_member(member) if member else None


def of_member(member: object) -> Principal:
    from tenants.accounts.models import Member

    assert isinstance(member, Member)
    return Principal(
        member_id=member.pk,
        username=member.username,
        name=str(member),
        roles=member.roles,
        scopes=frozenset(str(scope) for scope in member.scopes),
        time_zone=member.time_zone,
        tenant_schema=current_tenant().schema,
        email_domain=member.email.rpartition("@")[2].lower(),
    )


_kept: Kept[tuple[str, int], Principal | None] = Kept(
    10_000, lambda: settings.PRINCIPAL_CACHE_SECONDS
)


async def principal_of(member_id: int) -> Principal | None:
    """`load` in one hop, kept until the member changes (PRINCIPAL_CACHE_SECONDS at the most)."""
    key = (current_tenant().schema, member_id)
    return await _kept.get(key, lambda: hop(load, member_id))


def _forget(notice: Notice | None) -> None:
    if notice is None:
        _kept.forget()
    else:
        _kept.forget(lambda key: notice.means(*key))


notices.on("member", _forget)
