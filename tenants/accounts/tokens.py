"""Access and refresh tokens: simplejwt's classes, bound to one tenant and carrying scopes."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.contrib.auth import authenticate
from django.http import HttpRequest
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from config.errors import Unauthorized
from tenants import happened
from tenants.accounts import refresh as refresh_family
from tenants.accounts import sign_ins
from tenants.accounts.accepted_keys import verified
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member
from tenants.accounts.refresh import revoke_all
from tenants.context import current_tenant

TENANT_CLAIM = "tenant"
TENANT_ID_CLAIM = "tid"
FAMILY_CLAIM = "fam"
SCOPES_CLAIM = "scopes"

__all__ = ["claims", "issue_pair", "revoke", "revoke_all", "rotate", "sign_in"]


@dataclass(frozen=True, slots=True)
class Claims:
    """`family_id`: the sign-in that the token comes from; with it revoked the token is no good."""

    member_id: int
    family_id: UUID
    scopes: frozenset[str]


def _stamp(token: Token, member: Member, family_id: UUID) -> Token:
    ref = current_tenant()
    token["sub"] = str(member.pk)
    token[TENANT_CLAIM] = ref.schema
    # The id too: a tenant deleted and made again under the same name is another tenant.
    token[TENANT_ID_CLAIM] = str(ref.id)
    token[FAMILY_CLAIM] = family_id.hex
    token[SCOPES_CLAIM] = sorted(of_member(member).scopes)
    return token


def issue_pair(member: Member) -> dict[str, str]:
    """A new family's access and refresh token, for an active member of the active tenant."""
    refresh = RefreshToken()
    family_id = uuid4()
    refresh_family.open_family(member, family_id, refresh["jti"], _end_of(refresh))
    return _pair(member, family_id, refresh)


def _pair(member: Member, family_id: UUID, refresh: RefreshToken) -> dict[str, str]:
    return {
        "access": str(_stamp(AccessToken(), member, family_id)),
        "refresh": str(_stamp(refresh, member, family_id)),
    }


def _end_of(token: Token) -> datetime:
    return datetime.fromtimestamp(token["exp"], tz=UTC)


def sign_in(username: str, password: str, request: HttpRequest) -> dict[str, str]:
    """Tokens for a username and password. Unauthorized never says which of the two is wrong.

    TooManyRequests after too many wrong ones: the request says from where.
    """
    member = authenticate(request, username=username, password=password)
    if not isinstance(member, Member):
        raise Unauthorized("The username or the password is wrong.", code="bad_credentials")
    sign_ins.succeeded(member, "token")
    return issue_pair(member)


def read_token(raw: str, kind: type[Token]) -> Token:
    """Signature, expiry, type and tenant checked. Raises Unauthorized with the reason."""
    try:
        token = verified(raw, kind)
    except TokenError as error:
        expired = "expired" in str(error).lower()
        raise Unauthorized(
            "The token has expired: get a new one from /auth/refresh."
            if expired
            else "The token is not valid.",
            code="token_expired" if expired else "token_invalid",
        ) from None
    ref = current_tenant()
    if token.get(TENANT_CLAIM) != ref.schema or token.get(TENANT_ID_CLAIM) != str(ref.id):
        raise Unauthorized("The token belongs to another tenant.", code="token_tenant")
    return token


# (tenant, hash of the token) -> (its end, what it says). A client sends the same token for half an
# hour, and checking its signature costs a tenth of a short run.
_read: dict[tuple[str, bytes], tuple[float, Claims]] = {}
_MOST_READ = 10_000


def claims(raw: str) -> Claims:
    """What an access token good in the active tenant says. No database."""
    key = (str(current_tenant().id), hashlib.sha256(raw.encode()).digest())
    found = _read.get(key)
    if found is not None and found[0] > time.time():
        return found[1]
    token = read_token(raw, AccessToken)
    member_id, family_id = _subject(token)
    said = Claims(member_id, family_id, frozenset(token.get(SCOPES_CLAIM, ())))
    while len(_read) >= _MOST_READ:
        del _read[next(iter(_read))]
    _read[key] = (float(token["exp"]), said)
    return said


def rotate(raw: str) -> dict[str, str]:
    """Trade a refresh token for a new pair. One that was traded before ends its whole family."""
    token = read_token(raw, RefreshToken)
    member_id, family_id = _subject(token)
    _acting(member_id, family_id)
    fresh = RefreshToken()
    member = refresh_family.trade(
        member_id, family_id, str(token["jti"]), fresh["jti"], _end_of(fresh)
    )
    if member is None:
        raise Unauthorized(
            "The refresh token is no longer good: sign in again.", code="token_revoked"
        )
    return _pair(member, family_id, fresh)


def revoke(raw: str) -> None:
    """Sign out: no token of this refresh token's family is good any more. Repeating is no error."""
    member_id, family_id = _subject(read_token(raw, RefreshToken))
    _acting(member_id, family_id)
    refresh_family.close(member_id, family_id)


def _acting(member_id: int, family_id: UUID) -> None:
    happened.acting_as(happened.Actor(member_id, "", "token", family_id.hex))


def _subject(token: Token) -> tuple[int, UUID]:
    try:
        return int(token["sub"]), UUID(token[FAMILY_CLAIM])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unauthorized("The token is not valid.", code="token_invalid") from None
