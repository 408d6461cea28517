"""Reading arithmetic as people and models write it, and working it out without running any of it.

The text is cut into tokens of a closed list (numbers, known names, operators), which are spelled
anew as a Python expression and parsed by `ast`; the tree is then walked. Numbers stay exact as long
as they can (integers and fractions, so that 0.1 + 0.2 is 0.3) and become floats at the first
root or logarithm. Everything is bounded: length, nesting, exponents, digits.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from agents.tools.builtin.functions import CONSTANTS, FUNCTIONS, Number, Unreal

LONGEST = 500  # characters
DEEPEST = 40  # parentheses and functions inside each other
MOST_BITS = 3_330  # of an integer, about 1,000 digits
MOST_DIGITS = 1_000
LARGEST_EXPONENT = 1_000  # of a literal, 1e1000


class ArithmeticProblem(ValueError):
    """The expression can't be worked out; the message says why and where."""


def evaluate(text: str) -> Number:
    """The value of `text`: int, Fraction (never a whole one) or finite float.

    Raises `ArithmeticProblem`.
    """
    if len(text) > LONGEST:
        raise ArithmeticProblem(f"the expression is longer than {LONGEST} characters")
    pieces, numbers = _spell(_tokens(text))
    try:
        tree = ast.parse(" ".join(pieces), mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        raise ArithmeticProblem(
            "the expression isn't complete, or an operator or parenthesis is out of place"
        ) from None
    try:
        return _bounded(_Evaluation(numbers).value(tree.body, 0))
    except ZeroDivisionError:
        raise ArithmeticProblem("division by zero") from None
    except OverflowError:
        raise ArithmeticProblem("a number in it gets too large or too small") from None
    except Unreal as error:
        raise ArithmeticProblem(str(error)) from None


# --- tokens ---------------------------------------------------------------------------------------

_SIGNS = str.maketrans(
    {
        "\N{MULTIPLICATION SIGN}": "*",
        "\N{MIDDLE DOT}": "*",
        "\N{DOT OPERATOR}": "*",
        "\N{BULLET OPERATOR}": "*",
        "\N{ASTERISK OPERATOR}": "*",
        "\N{DIVISION SIGN}": "/",
        "\N{DIVISION SLASH}": "/",
        "\N{FRACTION SLASH}": "/",
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "^": "**",
        "\N{SUPERSCRIPT TWO}": "**2",
        "\N{SUPERSCRIPT THREE}": "**3",
        "\N{GREEK SMALL LETTER PI}": " pi ",
        "\N{GREEK SMALL LETTER TAU}": " tau ",
        "\N{SQUARE ROOT}": " sqrt",
    }
)
_WORDS = {"x": "*", "times": "*", "of": "*", "plus": "+", "minus": "-", "over": "/", "mod": "mod"}
_TOKEN = re.compile(
    r"""(?P<space>\s*)(?:
      (?P<grouped>[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
    | (?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>log10|log2|[A-Za-z]+)
    | (?P<sign>\*\*|//|[-+*/%(),])
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str  # number, constant, function, sign or end
    text: str
    spaced: bool = False  # white space comes before it

    @property
    def begins_operand(self) -> bool:
        return self.kind in ("number", "constant", "function") or self.text == "("


_END = _Token("end", "")


def _tokens(text: str) -> list[_Token]:
    """What the text is made of. A comma groups thousands, but separates inside a function."""
    text = text.translate(_SIGNS).rstrip(" \t\r\n=?")
    found: list[_Token] = []
    inside: list[bool] = []  # for each open parenthesis, whether it is a function's
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is not None and match["grouped"] and inside and inside[-1]:
            match = _TOKEN.match(text, at, match.start("grouped") + match["grouped"].index(","))
        if match is None:
            raise ArithmeticProblem(f"unexpected {text[at:].strip()[0]!r}")
        kind = str(match.lastgroup)
        token, at = match[kind], match.end()
        if kind == "name":
            kind, token = _known(token.lower())
        elif kind == "grouped":
            kind, token = "number", token.replace(",", "")
        elif token == "(":
            inside.append(bool(found) and found[-1].kind == "function")
            if len(inside) > DEEPEST:
                raise ArithmeticProblem(f"more than {DEEPEST} parentheses inside each other")
        elif token == ")" and inside:
            inside.pop()
        elif token == "," and not (inside and inside[-1]):
            raise ArithmeticProblem(
                "a comma is out of place: write decimals with a point, thousands as 1,234"
            )
        found.append(_Token(kind, token, bool(match["space"])))
    if not found:
        raise ArithmeticProblem("the expression is empty")
    return found


def _known(name: str) -> tuple[str, str]:
    if name in _WORDS:
        return "sign", _WORDS[name]
    if name in CONSTANTS:
        return "constant", name
    if name in FUNCTIONS:
        return "function", name
    known = [*CONSTANTS, *FUNCTIONS]
    likely = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {likely[0]}?" if likely else f"known are {', '.join(known)}"
    raise ArithmeticProblem(f"unknown name {name[:40]!r}: {hint}")


def _spell(tokens: list[_Token]) -> tuple[list[str], list[Number]]:
    """The tokens as Python, with `n0`, `n1` for the numbers, so that none is read as a float.

    A percent sign binds tighter than any operator, which in Python only an attribute does: `50%`
    is spelled `n0 .percent`. Before an operand the sign is the remainder instead: `7 % 3`.
    """
    pieces: list[str] = []
    numbers: list[Number] = []
    before = _END
    for token, following in zip(tokens, [*tokens[1:], _END], strict=True):
        ended = before.kind in ("number", "constant") or before.text in (")", ".percent")
        if token.begins_operand and ended:
            raise ArithmeticProblem(f"an operator is missing before {token.text!r}")
        if token.kind == "function" and following.text != "(":
            raise ArithmeticProblem(f"{token.text} needs parentheses, as in {token.text}(2)")
        if token.text == "%" and not following.begins_operand:
            if token.spaced and following.text == "-":
                raise ArithmeticProblem("'% -' can be read two ways: write 7% - 3 or 7 mod (-3)")
            token = _Token("sign", ".percent")
        if token.kind == "number":
            pieces.append(f"n{len(numbers)}")
            numbers.append(_literal(token.text))
        else:
            pieces.append("%" if token.text == "mod" else token.text)
        before = token
    return pieces, numbers


def _literal(text: str) -> Number:
    mantissa, _, exponent = text.replace("_", "").lower().partition("e")
    if len(exponent) > 6 or abs(int(exponent or 0)) > LARGEST_EXPONENT:
        raise ArithmeticProblem(f"the number {text[:40]} is too large or too small")
    whole, _, decimals = mantissa.partition(".")
    digits = Fraction(int(f"{whole}{decimals}"))
    return _simple(digits * _ten(int(exponent or 0) - len(decimals)))


def _ten(power: int) -> Fraction:
    return Fraction(10**power) if power >= 0 else Fraction(1, 10**-power)


# --- values ---------------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class _Evaluation:
    def __init__(self, numbers: list[Number]) -> None:
        self._numbers = numbers

    def value(self, node: ast.expr, depth: int) -> Number:
        if depth > 2 * DEEPEST:
            raise ArithmeticProblem("the expression is nested too deeply")
        match node:
            case ast.Name(id=name):
                return CONSTANTS[name] if name in CONSTANTS else self._numbers[int(name[1:])]
            case ast.Attribute(value=inner):
                return _divide(self.value(inner, depth + 1), 100)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self.value(inner, depth + 1)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.value(inner, depth + 1)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return _power(self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.BinOp():
                return self._chain(node, depth)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                return self._call(name, [self.value(arg, depth + 1) for arg in args])
        raise ArithmeticProblem("the expression has an operator or parenthesis out of place")

    def _chain(self, node: ast.BinOp, depth: int) -> Number:
        """`a + b - c + ...` leans to the left in the tree: walked in a loop, it has no depth."""
        rest: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp) and not isinstance(first.op, ast.Pow):
            rest.append(first)
            first = first.left
        result = self.value(first, depth + 1)
        for step in reversed(rest):
            right = self.value(step.right, depth + 1)
            if isinstance(step.op, ast.Div):
                result = _divide(result, right)
            else:
                result = _bounded(_OPERATORS[type(step.op)](result, right))
        return result

    def _call(self, name: str, args: list[Number]) -> Number:
        function = FUNCTIONS[name]
        if not function.least <= len(args) <= function.most:
            raise ArithmeticProblem(f"{name} takes {function.takes}, got {len(args)}")
        return _bounded(function.work(*args))


def _divide(left: Number, right: Number) -> Number:
    if isinstance(left, float) or isinstance(right, float):
        return _bounded(left / right)
    return _bounded(Fraction(left) / Fraction(right))


def _power(base: Number, exponent: Number) -> Number:
    if not isinstance(base, float) and isinstance(exponent, int):
        size = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        # A lower bound of the result's size, so that 9**9**9 is refused before it is begun.
        if (size - 1) * abs(exponent) <= MOST_BITS:
            return _bounded(Fraction(base) ** exponent)
        if isinstance(base, int) and exponent > 0:
            raise _too_large()
    if base == 0 and exponent < 0:
        raise ZeroDivisionError
    if base < 0 and not isinstance(exponent, int):
        raise ArithmeticProblem("a fractional power of a negative number has no real result")
    return _bounded(math.pow(base, exponent))


def _bounded(value: Number) -> Number:
    """The value, refused when too large; a fraction with too many digits goes on as a float."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise OverflowError
        return value
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise _too_large()
        return value
    if max(abs(value.numerator).bit_length(), value.denominator.bit_length()) > MOST_BITS:
        return float(value)
    return value


def _simple(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value


def _too_large() -> ArithmeticProblem:
    return ArithmeticProblem(f"the result has more than {MOST_DIGITS:,} digits")
