"""The kinds of limit there are: in one table, for checks, problems, pages and the API alike."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Window = Literal["minute", "live", "day", "month"]
Unit = Literal["runs", "tokens", "cost"]
Amount = int | Decimal


@dataclass(frozen=True, slots=True)
class Kind:
    """`field` is the column of a limit, the same for a tenant and for a member.

    A setting TENANT_… and MEMBER_… of that name says what holds where the column is empty.
    """

    code: str
    field: str
    label: str
    unit: Unit
    window: Window

    @property
    def is_budget(self) -> bool:
        """Refused with 402 until the window is over, instead of 429 for a moment."""
        return self.unit != "runs"


KINDS = (
    Kind(
        code="limit_runs_minute",
        field="runs_per_minute",
        label="Runs a minute",
        unit="runs",
        window="minute",
    ),
    Kind(
        code="limit_live_runs",
        field="live_runs",
        label="Runs waiting or running",
        unit="runs",
        window="live",
    ),
    Kind(
        code="budget_tokens_day",
        field="tokens_per_day",
        label="Tokens a day",
        unit="tokens",
        window="day",
    ),
    Kind(
        code="budget_tokens_month",
        field="tokens_per_month",
        label="Tokens a month",
        unit="tokens",
        window="month",
    ),
    Kind(
        code="budget_cost_day",
        field="cost_per_day",
        label="Cost a day",
        unit="cost",
        window="day",
    ),
    Kind(
        code="budget_cost_month",
        field="cost_per_month",
        label="Cost a month",
        unit="cost",
        window="month",
    ),
)
FIELDS = tuple(kind.field for kind in KINDS)
