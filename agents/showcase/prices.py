"""What can be worked out of a row of closing prices, oldest first. Pure figures, no opinions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

TRADING_DAYS = 252
"""Days of a year on which there are prices."""


def change_percent(closes: Sequence[float], days: int) -> float:
    """From the close so many days before to the last one."""
    before = closes[max(len(closes) - 1 - days, 0)]
    return round((closes[-1] / before - 1) * 100, 1)


def mean_of_last(closes: Sequence[float], days: int) -> float:
    """The simple moving average."""
    last = closes[-days:]
    return round(sum(last) / len(last), 2)


def strength_index(closes: Sequence[float], days: int = 14) -> float:
    """The relative strength index of plain means, from 0 to 100."""
    steps = [after - before for before, after in pairwise(closes[-days - 1 :])]
    gains = sum(step for step in steps if step > 0)
    losses = -sum(step for step in steps if step < 0)
    if not losses:
        return 100.0 if gains else 50.0
    return round(100 - 100 / (1 + gains / losses), 1)


def volatility_percent(closes: Sequence[float]) -> float:
    """The standard deviation of the daily returns, made one of a year."""
    returns = _returns(closes)
    mean = sum(returns) / len(returns)
    variance = sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    return round(math.sqrt(variance * TRADING_DAYS) * 100, 1)


def worst_fall_percent(closes: Sequence[float]) -> float:
    """The deepest fall from a high to a later low, as a negative number."""
    highest, worst = closes[0], 0.0
    for close in closes:
        highest = max(highest, close)
        worst = min(worst, close / highest - 1)
    return round(worst * 100, 1)


def beta(closes: Sequence[float], index: Sequence[float]) -> float:
    """How much of the index's movement it makes: covariance over the index's variance."""
    mine, theirs = _returns(closes), _returns(index)
    my_mean, their_mean = sum(mine) / len(mine), sum(theirs) / len(theirs)
    together = sum((a - my_mean) * (b - their_mean) for a, b in zip(mine, theirs, strict=True))
    alone = sum((b - their_mean) ** 2 for b in theirs)
    return round(together / alone, 2)


def _returns(closes: Sequence[float]) -> list[float]:
    return [after / before - 1 for before, after in pairwise(closes)]
