"""Sign-in by the API: tokens, and who one is."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from tenants.accounts import tokens
from tenants.accounts.guard import principal, public, requires
from tenants.accounts.hashing import password_hop
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.hop import hop

router = Router(tags=["auth"])


class Credentials(Schema):
    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=1, max_length=150)
    password: str = Field(min_length=1, max_length=1000)


class Refresh(Schema):
    model_config = ConfigDict(extra="forbid")
    refresh: str = Field(min_length=1, max_length=8000)


class TokenPair(Schema):
    access: str
    refresh: str


class Me(Schema):
    id: int
    username: str
    name: str
    roles: list[str]
    scopes: list[str]
    time_zone: str
    tenant: str
    authenticated_by: Literal["token", "key"]
    key: str | None = Field(description="The id of the API key one is known by.")


@router.post("/auth/token", auth=public("signing in"), response=TokenPair)
async def token(request: HttpRequest, body: Credentials) -> dict[str, str]:
    """Access and refresh token for a username and password in this tenant."""
    return await password_hop(tokens.sign_in, body.username, body.password, request)


@router.post("/auth/refresh", auth=public("the refresh token is the proof"), response=TokenPair)
async def refresh(request: HttpRequest, body: Refresh) -> dict[str, str]:
    """A new pair for a refresh token, which is used up by it."""
    return await hop(tokens.rotate, body.refresh)


@router.post("/auth/revoke", auth=public("the refresh token is the proof"), response={204: None})
async def revoke(request: HttpRequest, body: Refresh) -> tuple[int, None]:
    """Sign out: this refresh token and every token of the same sign-in are no good any more."""
    await hop(tokens.revoke, body.refresh)
    return 204, None


@router.get("/me", auth=requires(Scope.PROFILE_READ), response=Me)
async def me(request: HttpRequest) -> dict[str, object]:
    who = principal(request)
    return {
        "id": who.member_id,
        "username": who.username,
        "name": who.name,
        "roles": list(who.roles),
        "scopes": sorted(who.scopes),
        "time_zone": who.time_zone,
        "tenant": current_tenant().schema,
        "authenticated_by": who.via,
        "key": who.credential if who.via == "key" else None,
    }
