"""API keys over the API: listed, made (the answer is the only place that shows one), revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, ConfigDict, Field

from config.errors import NotFound
from config.pages import Paging, page
from tenants.accounts.api_keys import KeyRequest, create_key, revoke_key, shown, visible_keys
from tenants.accounts.guard import principal, requires
from tenants.accounts.models import ApiKey, Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["keys"])


class NewKey(Schema):
    """`account`: a service account's username, without one the caller's own."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=100)
    account: str | None = Field(default=None, min_length=1, max_length=150)
    scopes: list[Scope] = Field(default_factory=list, max_length=len(Scope))
    expires_at: AwareDatetime | None = None
    rate: int | None = Field(default=None, ge=1, le=1_000_000)


@router.get("/api-keys", auth=requires(Scope.KEYS_READ))
async def list_keys(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The caller's keys, newest first; with members:read every service account's."""
    return await hop(_list, principal(request), paging)


def _list(who: Principal, paging: Paging) -> dict[str, Any]:
    return page(visible_keys(who), paging, ("id",), key_json)


@router.post("/api-keys", auth=requires(Scope.KEYS_WRITE), response={201: dict[str, Any]})
async def make_key(
    request: HttpRequest, response: HttpResponse, body: NewKey
) -> tuple[int, dict[str, Any]]:
    """A new key. `key` is its text: keep it now, it is shown nowhere else."""
    made = await hop(_make, principal(request), body)
    response["Cache-Control"] = "no-store"
    return 201, made


def _make(who: Principal, body: NewKey) -> dict[str, Any]:
    key, text = create_key(
        who,
        _account(who, body.account),
        KeyRequest(body.name, body.scopes, body.expires_at, body.rate),
    )
    return {**key_json(key), "key": text}


def _account(who: Principal, username: str | None) -> Member:
    """The account meant: one's own, or with members:read any service account."""
    if username is None or username == who.username:
        return Member.objects.get(pk=who.member_id)
    accounts = Member.objects.filter(username=username, kind=Member.Kind.SERVICE)
    account = accounts.first() if who.may(Scope.MEMBERS_READ) else None
    if account is None:
        raise NotFound(f"There is no service account {username!r}.", code="unknown_account")
    return account


@router.delete("/api-keys/{int:key_id}", auth=requires(Scope.KEYS_WRITE), response={204: None})
async def delete_key(request: HttpRequest, key_id: int) -> tuple[int, None]:
    """Revoke a key, at once and everywhere. It stays in the list, as revoked."""
    await hop(revoke_key, principal(request), key_id)
    return 204, None


def key_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "account": key.account.username,
        "name": key.name,
        "shown": shown(key),
        "state": key.state(timezone.now()).value,
        "scopes": key.scopes,
        "rate": key.rate,
        "expires_at": _iso(key.expires_at),
        "created_at": _iso(key.created_at),
        "created_by": key.created_by.username if key.created_by else None,
        "last_used_at": _iso(key.last_used_at),
        "revoked_at": _iso(key.revoked_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
