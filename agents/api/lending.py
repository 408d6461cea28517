"""Lent duties over the API: who decides in whose stead. Lent and taken back as in the console."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, ConfigDict, Field

from agents.runtime.events import iso
from approvals.lending import end_lending, in_state, lend, state_of
from approvals.models import Delegation
from config.errors import Invalid, NotFound
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.models import Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["approvals"])


class DelegationFilter(Paging):
    state: Literal["now", "later", "over"] | None = None
    approver: str | None = Field(default=None, max_length=150)
    substitute: str | None = Field(default=None, max_length=150)


class NewDelegation(Schema):
    """Usernames. Without `approver` one's own duty, without `begins_at` from now on."""

    model_config = ConfigDict(extra="forbid")
    substitute: str = Field(min_length=1, max_length=150)
    approver: str | None = Field(default=None, min_length=1, max_length=150)
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    note: str = Field(default="", max_length=200)


@router.get("/delegations", auth=requires(Scope.GRANTS_READ))
async def list_delegations(request: HttpRequest, query: Query[DelegationFilter]) -> dict[str, Any]:
    """Every lent duty, newest first, those that are over too."""
    return await hop(_list, query)


def _list(query: DelegationFilter) -> dict[str, Any]:
    rows = Delegation.objects.select_related("approver", "substitute")
    if query.state is not None:
        rows = in_state(rows, query.state)
    if query.approver is not None:
        rows = rows.filter(approver__username=query.approver)
    if query.substitute is not None:
        rows = rows.filter(substitute__username=query.substitute)
    return page(rows, query, ("id",), delegation_json)


@router.post("/delegations", auth=requires(Scope.APPROVALS_DECIDE), response={201: dict[str, Any]})
async def post_delegation(request: HttpRequest, body: NewDelegation) -> tuple[int, dict[str, Any]]:
    """Lend a duty to decide for a period: one's own, with grants:write anybody's."""
    return 201, await hop(_lend, principal(request), body)


def _lend(who: Principal, body: NewDelegation) -> dict[str, Any]:
    approver = _member("approver", body.approver or who.username)
    made = lend(
        who,
        approver,
        _member("substitute", body.substitute),
        body.begins_at or timezone.now(),
        body.ends_at,
        body.note,
    )
    return delegation_json(made)


@router.delete(
    "/delegations/{int:delegation_id}",
    auth=requires(Scope.APPROVALS_DECIDE),
    response={204: None},
)
async def delete_delegation(request: HttpRequest, delegation_id: int) -> tuple[int, None]:
    """Take the duty back now. What had begun stays in the list, as over."""
    await hop(_end, principal(request), delegation_id)
    return 204, None


def _end(who: Principal, delegation_id: int) -> None:
    try:
        end_lending(who, delegation_id)
    except Delegation.DoesNotExist:
        raise NotFound("There is no such lent duty.", code="unknown_delegation") from None


def _member(field: str, username: str) -> Member:
    member = Member.objects.filter(username=username).first()
    if member is None:
        said = f"There is no member {username!r}."
        raise Invalid("The duty can't be lent so.", errors=[{"loc": [field], "msg": said}])
    return member


def delegation_json(row: Delegation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "state": state_of(row),
        "approver": row.approver.username,
        "substitute": row.substitute.username,
        "begins_at": iso(row.begins_at),
        "ends_at": iso(row.ends_at),
        "note": row.note,
    }
