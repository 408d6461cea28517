"""Costs follow from prices and usage, exactly, and are unknown where either is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agents.models_llm.pricing import Price, cost_of, total_cost
from agents.models_llm.protocol import Usage

PRICE = Price(Decimal("2.5"), Decimal("10"), Decimal("1.25"))


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        (PRICE, Usage(1_000_000, 0), "2.5"),
        (PRICE, Usage(0, 1_000_000), "10"),
        (PRICE, Usage(1000, 200, 400), "0.004"),  # 600 * 2.5 + 400 * 1.25 + 200 * 10
        (PRICE, Usage(1, 1), "0.0000125"),
        (PRICE, Usage(10, 0, 50), "0.0000125"),  # no more of the input can be cached than there is
        (Price(Decimal("3"), Decimal("15")), Usage(100, 0, 100), "0.0003"),
        (Price(Decimal("0"), Decimal("0")), Usage(5, 5), "0"),
        (Price(Decimal("0.000001"), Decimal("0")), Usage(1, 0), "0"),  # below what is kept
    ],
)
def test_each_kind_of_token_has_its_price(price: Price, usage: Usage, cost: str) -> None:
    assert cost_of(price, usage) == Decimal(cost)


def test_what_is_not_known_costs_nothing_known() -> None:
    assert cost_of(None, Usage(1, 1)) is None
    assert cost_of(PRICE, None) is None
    assert total_cost([None, None]) is None
    assert total_cost([]) is None
    assert total_cost([Decimal("0.1"), None, Decimal("0.2")]) == Decimal("0.3")
