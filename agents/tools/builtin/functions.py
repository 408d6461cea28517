"""The calculator's functions and constants: exact on exact numbers where that is possible."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Number = int | Fraction | float

CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
MOST_ARGUMENTS = 100
MOST_PLACES = 30


class Unreal(ValueError):
    """The function has no real value there."""


@dataclass(frozen=True, slots=True)
class Function:
    work: Callable[..., Any]
    least: int = 1
    most: int = 1

    @property
    def takes(self) -> str:
        if self.least == self.most:
            return "1 argument"
        return f"{self.least} to {self.most} arguments"


def _sqrt(x: Number) -> Number:
    if x < 0:
        raise Unreal("the square root of a negative number is not real")
    if isinstance(x, float):
        return math.sqrt(x)
    top, bottom = math.isqrt(x.numerator), math.isqrt(x.denominator)
    if top * top == x.numerator and bottom * bottom == x.denominator:
        return Fraction(top, bottom)
    return math.sqrt(x)


def _round(x: Number, places: Number = 0) -> Number:
    """Halves go away from zero, as people round: round(2.5) is 3, round(-2.5) is -3."""
    if not isinstance(places, int) or abs(places) > MOST_PLACES:
        raise Unreal(f"round takes a whole number of places up to {MOST_PLACES}")
    # The shortest decimal that names the float: 2.675 is meant, and not the float just below it.
    exact = Fraction(repr(x)) if isinstance(x, float) else Fraction(x)
    scale = Fraction(10) ** places
    rounded = Fraction(math.floor(abs(exact) * scale + Fraction(1, 2))) / scale
    return rounded if x >= 0 else -rounded


def _logarithm(work: Callable[[Number], float]) -> Callable[[Number], float]:
    def of(x: Number) -> float:
        if x <= 0:
            raise Unreal("a logarithm needs a number above zero")
        if isinstance(x, Fraction):
            # Rounded to a float where there is one; math.log takes larger integers, not fractions.
            try:
                return work(float(x))
            except (OverflowError, ValueError):
                return work(x.numerator) - work(x.denominator)
        return work(x)

    return of


_ln = _logarithm(math.log)
_log10 = _logarithm(math.log10)
_log2 = _logarithm(math.log2)


def _log(x: Number, base: Number = math.e) -> float:
    if base <= 0 or base == 1:
        raise Unreal("the base of a logarithm is above zero and not 1")
    # The library's own functions for the usual bases: log(1000, 10) is 3, not 2.9999999999999996.
    if base == 10:
        return _log10(x)
    if base == 2:
        return _log2(x)
    return _ln(x) / _ln(base)


def _snapped(value: float, x: float) -> float:
    """Zero where only the error of pi itself is left: sin(pi) is 0, not 1.2e-16."""
    return 0.0 if abs(value) < 1e-15 and abs(x) > 1 else value


def _sin(x: Number) -> float:
    return _snapped(math.sin(x), float(x))


def _cos(x: Number) -> float:
    return _snapped(math.cos(x), float(x))


def _tan(x: Number) -> float:
    if _cos(x) == 0:
        raise Unreal("the tangent has no value there")
    return _snapped(math.tan(x), float(x))


FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(_sqrt),
    "abs": Function(abs),
    "round": Function(_round, most=2),
    "min": Function(lambda *args: min(args), most=MOST_ARGUMENTS),
    "max": Function(lambda *args: max(args), most=MOST_ARGUMENTS),
    "floor": Function(math.floor),
    "ceil": Function(math.ceil),
    "log": Function(_log, most=2),
    "ln": Function(_ln),
    "log10": Function(_log10),
    "log2": Function(_log2),
    "exp": Function(math.exp),
    "sin": Function(_sin),
    "cos": Function(_cos),
    "tan": Function(_tan),
}
