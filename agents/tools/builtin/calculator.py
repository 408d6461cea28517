"""`calculator`: exact arithmetic for models, which are bad at it."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from agents.tools.builtin.arithmetic import LONGEST, ArithmeticProblem, evaluate
from agents.tools.builtin.functions import Number
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

DIGITS = 12  # significant digits of what can't be written exactly
FLOAT_DIGITS = 15  # that a float can be trusted with
EXACT_DIGITS = 30  # a decimal that ends within so many digits is written in full


class Calculation(Arguments):
    expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST,
            description="Arithmetic to work out, such as 17*23, 12% of 80 or sqrt(2)^3",
        ),
    ]


@tool(effect=Effect.READ, scope=Scope.AGENTS_RUN)
async def calculator(context: ToolContext, args: Calculation) -> str:
    """Work out an arithmetic expression exactly. Operators + - * / // (floor) % (remainder; 50% is
    0.5) ** or ^ (power) and parentheses; functions sqrt, abs, round(x, places) with halves away
    from zero, min, max, floor, ceil, log and ln (natural), log(x, base), log10, log2, exp, sin,
    cos, tan (radians); constants pi, e, tau. Thousands may be written 1,234.5.
    """
    try:
        return written(evaluate(args.expression))
    except ArithmeticProblem as error:
        raise ToolError(f"{args.expression[:80]!r} can't be worked out: {error}") from None


def written(value: Number) -> str:
    """The number as people write it: whole numbers in full, decimals without a float's noise."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        digits = min(FLOAT_DIGITS, max(DIGITS, _whole_digits(value) + 2))
        return _trimmed(
            Context(prec=digits, rounding=ROUND_HALF_EVEN).create_decimal(Decimal(value))
        )
    return _trimmed(_decimal(value))


def _decimal(value: Fraction) -> Decimal:
    """Exact when it ends soon enough; otherwise rounded, but never within its whole part."""
    exact = Context(prec=EXACT_DIGITS)
    quotient = exact.divide(Decimal(value.numerator), Decimal(value.denominator))
    if Fraction(quotient) == value:
        return quotient
    whole = _whole_digits(value)
    digits = DIGITS if whole > EXACT_DIGITS else max(DIGITS, whole + 2)
    return Context(prec=digits, rounding=ROUND_HALF_EVEN).divide(
        Decimal(value.numerator), Decimal(value.denominator)
    )


def _whole_digits(value: Fraction | float) -> int:
    whole = abs(int(value))
    return len(str(whole)) if whole else 0


def _trimmed(value: Decimal) -> str:
    if not value:
        return "0"
    sign, digits, _ = value.as_tuple()
    kept = "".join(map(str, digits)).rstrip("0")
    first = value.adjusted()  # the power of ten of the first digit
    exponent = first - len(kept) + 1
    if first < -7 or first >= max(len(kept), FLOAT_DIGITS):
        text = f"{kept[0]}.{kept[1:]}".rstrip(".") + f"e{first:+d}"
    elif exponent >= 0:
        text = kept + "0" * exponent
    elif first >= 0:
        text = f"{kept[: first + 1]}.{kept[first + 1 :]}"
    else:
        text = "0." + "0" * (-first - 1) + kept
    return f"-{text}" if sign else text
