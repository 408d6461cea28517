"""What was used, and how much of the limits is left."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from agents.limits.models import EVERYBODY, Usage
from agents.limits.reached import plain
from agents.limits.report import report
from agents.limits.windows import month_start, today
from agents.providers.models import ModelSettings
from config.errors import Invalid
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.models import Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["usage"])

_KEYS = {"day": ("day",), "member": ("member_id",), "component": ("slug", "kind")}
_SUMS = ("runs", "input_tokens", "output_tokens", "cost")


class UsageFilter(Paging):
    group_by: Literal["day", "member", "component"] = "day"
    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")
    member_id: int | None = Field(default=None, ge=1)
    slug: str | None = Field(default=None, max_length=64)


@router.get("/usage", auth=requires(Scope.USAGE_READ))
async def usage(request: HttpRequest, query: Query[UsageFilter]) -> dict[str, Any]:
    """What the caller's runs used, by day, member or component; every member's with
    usage:read_all. `from` and `to` are days in UTC, this month's so far unless told.
    """
    return await hop(_usage, principal(request), query)


def _usage(who: Principal, query: UsageFilter) -> dict[str, Any]:
    last = query.last or today()
    first = query.first or month_start(last)
    if first > last:
        raise Invalid(
            f"The range ends before it begins: from {first} to {last}.",
            code="range",
            errors=[{"loc": ["query", "from"], "msg": "must not be after `to`"}],
        )
    rows = _visible(who, query).filter(day__gte=first, day__lte=last)
    keys = _KEYS[query.group_by]
    grouped = rows.values(*keys).annotate(**{f"all_{name}": Sum(name) for name in _SUMS})
    chosen = ModelSettings.objects.filter(pk=1).values_list("currency", flat=True).first()
    currency = chosen or "USD"
    names = [f"all_{name}" for name in _SUMS]
    answer = page(
        grouped.values_list(*keys, *names, named=True),
        query,
        keys,
        lambda row: {
            **{key: getattr(row, key) for key in keys},
            **_sums([getattr(row, name) for name in names], currency),
        },
    )
    _present(query.group_by, answer["items"])
    total = rows.aggregate(**{name: Sum(name, default=0) for name in _SUMS})
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "totals": _sums([total[name] for name in _SUMS], currency),
        **answer,
    }


def _visible(who: Principal, query: UsageFilter) -> QuerySet[Usage]:
    rows = Usage.objects.exclude(member_id=EVERYBODY)
    if not who.may(Scope.USAGE_READ_ALL):
        rows = rows.filter(member_id=who.member_id)
    if query.member_id is not None:
        rows = rows.filter(member_id=query.member_id)
    if query.slug is not None:
        rows = rows.filter(slug=query.slug)
    return rows


def _sums(sums: list[Any], currency: str) -> dict[str, Any]:
    runs, given, made, cost = sums
    return {
        "runs": int(runs),
        "input_tokens": int(given),
        "output_tokens": int(made),
        "total_tokens": int(given + made),
        "cost": str(plain(cost)),
        "currency": currency,
    }


def _present(group_by: str, items: list[dict[str, Any]]) -> None:
    """The keys of each item as other routes show them."""
    if group_by == "day":
        for item in items:
            item["day"] = item["day"].isoformat()
    elif group_by == "component":
        for item in items:
            item["component"] = {"kind": item.pop("kind"), "slug": item.pop("slug")}
    else:
        ids = [item["member_id"] for item in items]
        known = dict(Member.objects.filter(pk__in=ids).values_list("pk", "username"))
        for item in items:
            member_id = item.pop("member_id")
            item["member"] = {"id": member_id, "username": known.get(member_id)}


@router.get("/usage/limits", auth=requires(Scope.USAGE_READ))
async def limits(request: HttpRequest) -> dict[str, Any]:
    """The caller's limits with what is used of them; the tenant's as well with usage:read_all."""
    return await hop(_limits, principal(request))


def _limits(who: Principal) -> dict[str, Any]:
    found = report([who.member_id])
    answer = {"member": [use.as_json() for use in found.members[who.member_id]]}
    if who.may(Scope.USAGE_READ_ALL):
        answer["tenant"] = [use.as_json() for use in found.tenant]
    return answer
