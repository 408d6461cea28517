"""Access and refresh tokens: simplejwt's classes, bound to one tenant and carrying scopes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import authenticate
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from config.errors import Unauthorized
from tenants.accounts.models import Member, RevokedToken
from tenants.accounts.principal import of_member
from tenants.context import current_tenant

TENANT_CLAIM = "tenant"
TENANT_ID_CLAIM = "tid"
SCOPES_CLAIM = "scopes"


def _stamp(token: Token, member: Member) -> Token:
    ref = current_tenant()
    token["sub"] = str(member.pk)
    token[TENANT_CLAIM] = ref.schema
    # The id too: a tenant deleted and made again under the same name is another tenant.
    token[TENANT_ID_CLAIM] = str(ref.id)
    token[SCOPES_CLAIM] = sorted(of_member(member).scopes)
    return token


def issue_pair(member: Member) -> dict[str, str]:
    """A new access and refresh token for an active member of the active tenant."""
    return {
        "access": str(_stamp(AccessToken(), member)),
        "refresh": str(_stamp(RefreshToken(), member)),
    }


def sign_in(username: str, password: str, request: HttpRequest) -> dict[str, str]:
    """Tokens for a username and password. Unauthorized never says which of the two is wrong.

    TooManyRequests after too many wrong ones: the request says from where.
    """
    member = authenticate(request, username=username, password=password)
    if not isinstance(member, Member):
        raise Unauthorized("The username or the password is wrong.", code="bad_credentials")
    return issue_pair(member)


def read_token(raw: str, kind: type[Token]) -> Token:
    """Signature, expiry, type and tenant checked. Raises Unauthorized with the reason."""
    try:
        token = kind(raw)  # type: ignore[arg-type]
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


def claims(raw: str) -> tuple[int, frozenset[str]]:
    """Member id and scopes of an access token good in the active tenant. No database."""
    token = read_token(raw, AccessToken)
    try:
        return int(token["sub"]), frozenset(token.get(SCOPES_CLAIM, ()))
    except (KeyError, TypeError, ValueError):
        raise Unauthorized("The token is not valid.", code="token_invalid") from None


def rotate(raw: str) -> dict[str, str]:
    """Trade a refresh token for a new pair; the old one is used up, also when two trade at once."""
    token = read_token(raw, RefreshToken)
    member = Member.objects.filter(pk=_subject(token), is_active=True).first()
    if member is None or not _revoke(token, member):
        raise Unauthorized("The refresh token is no longer good.", code="token_revoked")
    return issue_pair(member)


def revoke(raw: str) -> None:
    """Make a refresh token useless from now on. Repeating it is no error."""
    token = read_token(raw, RefreshToken)
    member = Member.objects.filter(pk=_subject(token)).first()
    if member is not None:
        _revoke(token, member)


def _subject(token: Token) -> int:
    try:
        return int(token["sub"])
    except (KeyError, TypeError, ValueError):
        raise Unauthorized("The token is not valid.", code="token_invalid") from None


def _revoke(token: Token, member: Member) -> bool:
    payload: dict[str, Any] = token.payload
    try:
        with transaction.atomic():
            RevokedToken.objects.create(
                jti=payload["jti"],
                member=member,
                expires_at=datetime.fromtimestamp(payload["exp"], tz=UTC),
            )
    except IntegrityError:
        return False
    return True
