"""Use so far, beside what may be used: for pages and the API. Synchronous, for one hop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from agents.limits.kinds import KINDS, Amount, Kind
from agents.limits.known import Limit, read_limits
from agents.limits.models import EVERYBODY, StartWindow, Usage
from agents.limits.reached import plain, shown
from agents.limits.windows import month_start, window_end
from tenants.context import current_tenant

_TOKENS = Sum("input_tokens", default=0) + Sum("output_tokens", default=0)


@dataclass(frozen=True, slots=True)
class Use:
    """`most` None: there is no limit of this kind."""

    kind: Kind
    used: Amount
    most: Amount | None
    resets_at: datetime | None
    currency: str

    @property
    def percent(self) -> int:
        """How much of the limit is used, at most 100."""
        return min(int(self.used * 100 / self.most), 100) if self.most else 0

    @property
    def used_shown(self) -> str:
        return self._shown(self.used)

    @property
    def most_shown(self) -> str:
        return self._shown(self.most) if self.most is not None else ""

    def _shown(self, amount: Amount) -> str:
        return f"{shown(amount)} {self.currency}" if self.kind.unit == "cost" else shown(amount)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "code": self.kind.code,
            "used": plain(self.used),
            "limit": plain(self.most) if self.most is not None else None,
            "resets_at": _iso(self.resets_at),
        }
        if self.kind.unit == "cost":
            found["currency"] = self.currency
        return found


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


@dataclass(frozen=True, slots=True)
class Report:
    tenant: tuple[Use, ...]
    members: Mapping[int, tuple[Use, ...]]
    currency: str


def report(member_ids: Iterable[int] = ()) -> Report:
    """The use of the tenant and of these members now, in as many queries as for one."""
    ids = list(member_ids)
    limits, now = read_limits(), datetime.now(UTC)
    used = _used([EVERYBODY, *ids], now)

    def uses(whose: int, own: tuple[Limit, ...]) -> tuple[Use, ...]:
        most = {limit.kind.code: limit.most for limit in own}
        return tuple(
            Use(
                kind,
                used[whose][kind.field],
                most.get(kind.code),
                window_end(kind.window, now),
                limits.currency,
            )
            for kind in KINDS
        )

    return Report(
        uses(EVERYBODY, limits.of_tenant()),
        {member_id: uses(member_id, limits.of_member(member_id)) for member_id in ids},
        limits.currency,
    )


def _used(ids: list[int], now: datetime) -> dict[int, dict[str, Amount]]:
    today = now.date()
    is_today = Q(day=today)
    found: dict[int, dict[str, Amount]] = {
        member_id: {kind.field: Decimal(0) if kind.unit == "cost" else 0 for kind in KINDS}
        for member_id in ids
    }
    spent = (
        Usage.objects.filter(member_id__in=ids, day__gte=month_start(today))
        .values("member_id")
        .annotate(
            tokens_per_month=_TOKENS,
            tokens_per_day=Sum("input_tokens", filter=is_today, default=0)
            + Sum("output_tokens", filter=is_today, default=0),
            cost_per_month=Sum("cost", default=Decimal(0)),
            cost_per_day=Sum("cost", filter=is_today, default=Decimal(0)),
        )
    )
    for row in spent:
        found[row.pop("member_id")].update(row)
    minute = int(now.timestamp() // 60)
    for row in StartWindow.objects.filter(member_id__in=ids, minute=minute):
        found[row.member_id]["runs_per_minute"] = row.runs
    for member_id, number in _live_by_member():
        for whose in (member_id, EVERYBODY):
            if whose in found:
                found[whose]["live_runs"] = int(found[whose]["live_runs"]) + number
    return found


def _live_by_member() -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT member_id, count(*) FROM public.tickets_ticket WHERE schema = %s GROUP BY 1",
            [current_tenant().schema],
        )
        return list(cursor.fetchall())
