"""What a model call costs: prices per million tokens, and one pure function."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from agents.models_llm.protocol import Usage

_MILLION = Decimal(1_000_000)
# What agents_step.cost and agents_run.cost can hold.
_SMALLEST = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True)
class Price:
    """Per million tokens. `cached_input` None: tokens read from a cache cost what others do."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None


def cost_of(price: Price | None, usage: Usage | None) -> Decimal | None:
    """The cost of one call, to ten decimals; None where the price or the usage is not known.

    `usage.cached_tokens` are part of `usage.input_tokens`; a provider that counts more of them
    than there are is taken at the smaller number.
    """
    if price is None or usage is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    of_cache = price.input if price.cached_input is None else price.cached_input
    total = (
        price.input * (usage.input_tokens - cached)
        + of_cache * cached
        + price.output * usage.output_tokens
    )
    return (total / _MILLION).quantize(_SMALLEST)


def total_cost(costs: list[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None when nothing is."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known else None
