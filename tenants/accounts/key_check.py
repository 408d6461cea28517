"""Verifying an API key on every request: a digest to compare and two things remembered.

No hop and no query while the key is known here; a notice makes every process look again. Secrets
are not remembered, only the digest that the database holds.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from django.conf import settings

from config.errors import Unauthorized
from tenants import notices
from tenants.accounts import key_rate
from tenants.accounts.api_keys import KeyParts, digest_of, split
from tenants.accounts.models import ApiKey
from tenants.accounts.principal import Principal, principal_of
from tenants.context import current_tenant
from tenants.hop import hop
from tenants.kept import Kept
from tenants.notices import Notice


@dataclass(frozen=True, slots=True)
class KnownKey:
    """`expires`: seconds since the epoch, or None. `rate`: requests a minute."""

    id: int
    account_id: int
    digest: str
    scopes: frozenset[str]
    expires: float | None
    rate: int
    revoked: bool


class _Unknown(Exception):
    """There is no such key: not remembered, or guesses would fill the memory."""


async def authenticate_key(raw: str) -> Principal:
    """The service account behind a key, as its rights are now. Counts the request.

    Raises Unauthorized with the reason, which says nothing before the secret is known to be right,
    and TooManyRequests beyond the key's rate.
    """
    parts = split(raw)
    if parts is None:
        raise _invalid()
    ref = current_tenant()
    if parts.tenant != ref.schema:
        raise Unauthorized("The key belongs to another tenant.", code="token_tenant")
    key = await _known(parts)
    _check_live(key)
    principal = await principal_of(key.account_id)
    if principal is None:
        raise Unauthorized("The account is gone or suspended.", code="member_inactive")
    key_rate.count(key.id, key.rate)
    return principal.known_by("key", parts.public_id, key.scopes)


async def still_good(public_id: str) -> bool:
    """Whether a key that was verified before is live now. Counts nothing."""
    try:
        _check_live(await _by_id(public_id))
    except (_Unknown, Unauthorized):
        return False
    return True


async def _known(parts: KeyParts) -> KnownKey:
    try:
        key = await _by_id(parts.public_id)
    except _Unknown:
        raise _invalid() from None
    if not hmac.compare_digest(digest_of(parts.secret), key.digest):
        raise _invalid()
    return key


def _invalid() -> Unauthorized:
    return Unauthorized("The key is not valid.", code="token_invalid")


def _check_live(key: KnownKey) -> None:
    if key.revoked:
        raise Unauthorized("The key was revoked.", code="token_revoked")
    if key.expires is not None and key.expires <= time.time():
        raise Unauthorized("The key has expired: ask for a new one.", code="token_expired")


_kept: Kept[tuple[str, str], KnownKey] = Kept(10_000, lambda: settings.PRINCIPAL_CACHE_SECONDS)


async def _by_id(public_id: str) -> KnownKey:
    key = (current_tenant().schema, public_id)
    return await _kept.get(key, lambda: hop(_load, public_id))


def _load(public_id: str) -> KnownKey:
    key = ApiKey.objects.filter(public_id=public_id).first()
    if key is None:
        raise _Unknown
    return KnownKey(
        id=key.pk,
        account_id=key.account_id,
        digest=key.digest,
        scopes=frozenset(key.scopes),
        expires=key.expires_at.timestamp() if key.expires_at else None,
        rate=key.rate or settings.API_KEY_RATE,
        revoked=key.revoked_at is not None,
    )


def _forget(notice: Notice | None) -> None:
    if notice is None:
        _kept.forget()
    else:
        _kept.forget(lambda key: notice.means(*key))


notices.on("api_key", _forget)
