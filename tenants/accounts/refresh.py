"""Families of refresh tokens: each is traded once, and one that comes again ends its family.

There is no grace for a client that lost the answer to its trade: the server can't tell it from a
thief, so it signs in again. Synchronous; a family's end is in effect everywhere on commit.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tenants import notices
from tenants.accounts.credentials import TokenFamily
from tenants.accounts.history import record
from tenants.accounts.models import Member
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept
from tenants.notices import Notice

log = logging.getLogger(__name__)


def open_family(member: Member, family_id: UUID, jti: str, expires_at: datetime) -> TokenFamily:
    """Begin a family with its first refresh token."""
    return TokenFamily.objects.create(
        id=family_id, member=member, jti=jti, stamp=member.sign_in_stamp(), expires_at=expires_at
    )


def trade(
    member_id: int, family_id: UUID, jti: str, new_jti: str, expires_at: datetime
) -> Member | None:
    """Put `new_jti` in the place of `jti`; the member, or None when it is no longer good.

    Of two trades at once one wins, and the other counts as reuse.
    """
    with transaction.atomic():
        family = _locked(member_id, family_id)
        if family is None or not _stands(family) or not family.member.is_active:
            return None
        if family.jti != jti:
            _end(family, TokenFamily.Reason.REUSED)
            record(
                family.member,
                None,
                "A used refresh token came again: that sign-in and its tokens were ended.",
            )
            log.warning(
                "refresh token reused: tenant %s, member %s, family %s ended",
                current_tenant().schema,
                member_id,
                family_id,
            )
            return None
        family.jti, family.expires_at = new_jti, expires_at
        family.save(update_fields=["jti", "expires_at"])
        return family.member


def close(member_id: int, family_id: UUID) -> None:
    """Sign out: end the family with all its tokens, access tokens too. Repeating is no error."""
    with transaction.atomic():
        family = _locked(member_id, family_id)
        if family is not None and family.revoked_at is None:
            _end(family, TokenFamily.Reason.SIGNED_OUT)


def revoke_all(member: Member) -> None:
    """Sign the member out everywhere: tokens, browsers, sockets, streams. Keys stay as they are.

    A browser that shall stay signed in is told so afterwards, by `update_session_auth_hash` with
    this very object.
    """
    with transaction.atomic():
        Member.objects.filter(pk=member.pk).update(sign_in_epoch=F("sign_in_epoch") + 1)
        member.refresh_from_db(fields=["sign_in_epoch"])
        TokenFamily.objects.filter(member=member, revoked_at=None).update(
            revoked_at=timezone.now(), reason=TokenFamily.Reason.EVERYWHERE
        )
        notices.notify("member", id=member.pk)


def _locked(member_id: int, family_id: UUID) -> TokenFamily | None:
    families = TokenFamily.objects.select_for_update(of=("self",)).select_related("member")
    return families.filter(pk=family_id, member_id=member_id).first()


def _stands(family: TokenFamily) -> bool:
    return family.revoked_at is None and family.stamp == family.member.sign_in_stamp()


def _end(family: TokenFamily, reason: Any) -> None:
    family.revoked_at, family.reason = timezone.now(), reason
    family.save(update_fields=["revoked_at", "reason"])
    notices.notify("member", id=family.member_id)


# --- the question every request asks --------------------------------------------------------------

_kept: Kept[tuple[str, int, UUID], bool] = Kept(10_000, lambda: settings.PRINCIPAL_CACHE_SECONDS)


async def is_good(member_id: int, family_id: UUID) -> bool:
    """Whether access tokens of this family are good: asked of the database once in a while."""
    key = (current_tenant().schema, member_id, family_id)
    return await _kept.get(key, lambda: hop(_load, member_id, family_id))


def _load(member_id: int, family_id: UUID) -> bool:
    families = TokenFamily.objects.select_related("member")
    family = families.filter(pk=family_id, member_id=member_id).first()
    return family is not None and _stands(family)


def _forget(notice: Notice | None) -> None:
    if notice is None:
        _kept.forget()
    else:
        _kept.forget(lambda key: notice.means(key[0], key[1]))


notices.on("member", _forget)
