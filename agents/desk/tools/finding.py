"""Customers, orders and amounts as tools are told of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agents.desk.models import Customer, Order
from agents.tools.errors import ToolError

MOST_MONEY = 1_000_000


def _whole_cents(value: float) -> float:
    if Decimal(str(value)) != Decimal(str(value)).quantize(Decimal("0.01")):
        raise ValueError("an amount has at most two decimals")
    return value


# A plain number, for models and for conditions on arguments; `exact` makes money of it.
Amount = Annotated[
    float,
    Field(gt=0, le=MOST_MONEY, description="The amount of money"),
    AfterValidator(_whole_cents),
]
Currency = Annotated[
    Literal["EUR", "USD", "CHF", "GBP"] | None,
    Field(description="The amount's currency, to be checked"),
]
Who = Annotated[
    str,
    Field(min_length=1, max_length=254, description="E-mail address or full name of the customer"),
]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why it is done")]


def exact(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


def find_customer(text: str, *, lock: bool = False) -> Customer:
    """The customer with this address or, if only one is called so, this name. Raises ToolError."""
    there = Customer.objects.filter(deleted_at=None)
    if lock:
        there = there.select_for_update()
    field = "email__iexact" if "@" in text else "name__iexact"
    found = list(there.filter(**{field: text})[:2])
    if not found:
        raise ToolError(
            f"there is no customer {text!r}; customers go by e-mail address or full name"
        )
    if len(found) > 1:
        raise ToolError(f"several customers are called {text!r}; give the e-mail address")
    return found[0]


def find_order(number: int) -> Order:
    """The order of this number, locked with its customer in view. Raises ToolError."""
    found = Order.objects.select_related("customer").select_for_update(of=("self",))
    order = found.filter(number=number).first()
    if order is None:
        raise ToolError(f"there is no order {number}")
    return order


def check_currency(given: str | None, right: str, whose: str) -> None:
    if given is not None and given != right:
        raise ToolError(f"{whose} is in {right}, not in {given}")
