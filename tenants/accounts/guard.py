"""What a route declares about authority: `auth=requires(Scope.X)` or `auth=public("why")`.

A system check walks every route: one that declares nothing keeps the server from starting.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from config.errors import Forbidden, Unauthorized
from config.trace import note_member
from tenants import happened
from tenants.accounts.api_keys import PREFIX
from tenants.accounts.key_check import authenticate_key, still_good
from tenants.accounts.principal import Principal, principal_of
from tenants.accounts.refresh import is_good
from tenants.accounts.scopes import Scope
from tenants.accounts.tokens import claims
from tenants.hop import hop

# Who asks, for what serves them without being handed the request: an event stream, say.
asking: ContextVar[Principal | None] = ContextVar("asking", default=None)


READING = ("GET", "HEAD", "OPTIONS")


class Requires:
    """A Ninja authenticator: a token or key of this tenant, of an active member, with the scope."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.openapi_security_schema = {"type": "http", "scheme": "bearer"}

    async def __call__(self, request: HttpRequest) -> Principal:
        principal = await authenticate(bearer(request.headers.get("Authorization", "")))
        note_member(principal.member_id)
        happened.acting_as(happened.actor_of(principal))
        if request.method not in READING:
            await note_refusal(principal, self.scope, f"{request.method} {request.path}")
        check_scope(principal, self.scope)
        request.principal = principal
        asking.set(principal)
        return principal


class Public:
    """A route open to everyone, with the reason."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self, request: HttpRequest) -> bool:
        return True


class Undeclared:
    """What a route has that declares nothing: refused at every call, and by the system check."""

    async def __call__(self, request: HttpRequest) -> Any:
        raise Forbidden("This route declares no scope.")


def requires(scope: Scope) -> Requires:
    return Requires(scope)


def public(why: str) -> Public:
    return Public(why)


def bearer(header: str) -> str:
    """The token of an Authorization header; Unauthorized when there is none."""
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthorized(
            "Send an access token or an API key: Authorization: Bearer …", code="no_token"
        )
    return token.strip()


async def authenticate(token: str) -> Principal:
    """The principal behind an access token or an API key, as their rights are now.

    Raises Unauthorized, and TooManyRequests for a key beyond its rate.
    """
    if token.startswith(PREFIX):
        return await authenticate_key(token)
    said = claims(token)
    principal = await principal_of(said.member_id)
    if principal is None:
        raise Unauthorized("The member is gone or suspended.", code="member_inactive")
    if not await is_good(said.member_id, said.family_id):
        raise Unauthorized("This sign-in was ended: sign in again.", code="token_revoked")
    return principal.known_by("token", said.family_id.hex, said.scopes)


async def as_now(who: Principal) -> Principal | None:
    """The same principal by the same proof, as their rights are now; None when it is no good."""
    fresh = await principal_of(who.member_id)
    if fresh is None:
        return None
    if who.via == "token" and not await is_good(who.member_id, UUID(who.credential)):
        return None
    if who.via == "key" and not await still_good(who.credential):
        return None
    return fresh.known_by(who.via, who.credential, who.scopes)


def check_scope(principal: Principal, scope: Scope) -> None:
    if not principal.may(scope):
        raise Forbidden(f"This needs the scope {scope}.", code="scope_missing", scope=str(scope))


async def note_refusal(principal: Principal, scope: Scope, what: str) -> None:
    """Put on record that the principal tried to change something without the scope for it."""
    if not principal.may(scope):
        await hop(_tell_refusal, principal, scope, what)


def _tell_refusal(principal: Principal, scope: Scope, what: str) -> None:
    happened.tell(
        "access.refused",
        target=("request", "", what),
        result="refused",
        detail={"scope": str(scope)},
        actor=happened.actor_of(principal),
    )


def principal(request: HttpRequest) -> Principal:
    """Who is asking, in a route that `requires` something."""
    found: Principal = request.principal
    return found
