"""A limit that is reached: what is said about it, and when to come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import Any

from agents.limits.kinds import Amount
from agents.limits.known import Limit
from agents.limits.windows import window_end
from config.errors import PaymentRequired, Problem, TooManyRequests

# Live runs end when they end: worth another try so many seconds later.
_LIVE_RETRY_SECONDS = 5
_WHEN = {"minute": "this minute", "day": "today", "month": "this month", "live": "now"}


@dataclass(frozen=True, slots=True)
class Reached:
    """`used` of `limit` at the moment of looking."""

    limit: Limit
    used: Amount
    currency: str
    at: datetime

    @property
    def resets_at(self) -> datetime | None:
        return window_end(self.limit.kind.window, self.at)

    @property
    def retry_after(self) -> int:
        """Whole seconds until it is worth coming back, at least 1."""
        end = self.resets_at
        return max(ceil((end - self.at).total_seconds()), 1) if end else _LIVE_RETRY_SECONDS

    def message(self, *, figures: bool) -> str:
        """Which limit, how much of it is used, and when to come back."""
        kind, whose = self.limit.kind, "Your tenant" if self.limit.of_tenant else "You"
        have = "has" if self.limit.of_tenant else "have"
        window = _WHEN[kind.window]
        if kind.window == "live":
            most = f" ({self.limit.most:,} at most)" if figures else ""
            return (
                f"{whose} {have} as many runs waiting or running as allowed{most}: "
                "try again when one has ended."
            )
        end = self.resets_at
        assert end is not None
        if kind.window == "minute":
            most = f" ({self.limit.most:,})" if figures else ""
            return (
                f"{whose} {have} started as many runs {window} as allowed{most}: "
                f"try again in {self.retry_after} s."
            )
        amounts = ""
        if figures:
            used, most = shown(self.used), shown(self.limit.most)
            amounts = f" ({used} of {most} {self.currency})" if kind.unit == "cost" else ""
            amounts = amounts or f" ({used} of {most})"
        what = "money" if kind.unit == "cost" else "tokens"
        return (
            f"{whose} {have} used up the {what} allowed {window}{amounts}: "
            f"there is more from {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
        )

    def detail(self, *, figures: bool) -> dict[str, Any]:
        """For programs. Amounts only for those who may see them."""
        end = self.resets_at
        found: dict[str, Any] = {
            "of": "tenant" if self.limit.of_tenant else "member",
            "resets_at": end.isoformat().replace("+00:00", "Z") if end else None,
        }
        if figures:
            found |= {"limit": plain(self.limit.most), "used": plain(self.used)}
            if self.limit.kind.unit == "cost":
                found["currency"] = self.currency
        return found

    def problem(self, *, sees_all: bool) -> Problem:
        """429 for a moment, 402 for a budget. `sees_all`: the tenant's figures may be shown."""
        figures = sees_all or not self.limit.of_tenant
        refused = PaymentRequired if self.limit.kind.is_budget else TooManyRequests
        return refused(
            self.message(figures=figures),
            code=self.limit.kind.code,
            headers={"Retry-After": str(self.retry_after)},
            retry_after=self.retry_after,
            **self.detail(figures=figures),
        )


def plain(amount: Amount) -> int | str:
    """As JSON has it: a number of tokens or runs, a cost as decimal text."""
    if isinstance(amount, Decimal):
        text = f"{amount:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return amount


def shown(amount: Amount) -> str:
    """For people: `1,200`, `0.0042`, `12.50`."""
    if not isinstance(amount, Decimal):
        return f"{amount:,}"
    if amount == 0 or amount >= 1:
        return f"{amount:,.2f}"
    return f"{amount:.{min(max(1 - amount.adjusted(), 2), 10)}f}"
