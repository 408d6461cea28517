"""What a run, one piece of its work, or a member of it may use: time, tokens and money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
)


def exact_seconds(value: float) -> int | float:
    """To the millisecond; whole seconds as an int, so that equal specs are equal bytes."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def plain_money(value: Decimal) -> str:
    """A plain decimal number as text, without idle zeros."""
    return f"{value.normalize():f}"


Seconds = Annotated[int | float, Field(ge=0.001), AfterValidator(exact_seconds)]
Tokens = Annotated[int, Field(ge=1)]
Money = Annotated[
    Decimal,
    Field(gt=0, max_digits=16, decimal_places=6),
    PlainSerializer(plain_money, return_type=str, when_used="json"),
]


class _Given(BaseModel):
    """What isn't given is left out of the JSON: specs of before keep their digests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_serializer(mode="wrap")
    def _without_none(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None}


class Limits(_Given):
    """What one run may use: model calls, tokens in and out together, seconds of wall clock, and
    what its model calls cost, in the currency of their prices.
    """

    turns: Annotated[int, Field(ge=1, le=200)] = 10
    tokens: Tokens = 100_000
    seconds: Seconds = 300
    cost: Money | None = None


class StageSpec(_Given):
    """What one stage of a team may use: a step of a plan or a task of a list with all its tries,
    else one delegation. Its fallback has as much again.
    """

    seconds: Seconds | None = None
    tokens: Tokens | None = None
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Tokens and money that something may use; None where there is no limit."""

    tokens: int | None = None
    cost: Decimal | None = None

    def __and__(self, other: Share) -> Share:
        """The lesser of both."""
        return Share(_least(self.tokens, other.tokens), _least(self.cost, other.cost))

    def passed(self, tokens: int, cost: Decimal | None) -> str:
        """`tokens` or `cost` where more than that was used, else ""."""
        if self.tokens is not None and tokens > self.tokens:
            return "tokens"
        return "cost" if self.cost is not None and cost is not None and cost > self.cost else ""

    def less(self, tokens: int, cost: Decimal | None) -> Share:
        """What is left of it; never less than nothing."""
        return Share(
            None if self.tokens is None else max(self.tokens - tokens, 0),
            None if self.cost is None else max(self.cost - (cost or 0), Decimal(0)),
        )


NO_LIMIT = Share()


def _least(one: Any, other: Any) -> Any:
    return min((value for value in (one, other) if value is not None), default=None)
