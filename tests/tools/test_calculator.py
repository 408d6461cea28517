"""The calculator against Python's own arithmetic, and against everything that isn't arithmetic."""

from __future__ import annotations

import ast
import contextlib
import math
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from agents.tools.builtin.arithmetic import LONGEST, ArithmeticProblem, evaluate
from agents.tools.builtin.calculator import Calculation, calculator, written
from agents.tools.errors import ToolError
from tests.tools.making import context


def compute(text: str) -> str:
    return written(evaluate(text))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("17*23", "391"),
        ("0.1+0.2", "0.3"),
        ("2/3", "0.666666666667"),
        ("10/2", "5"),
        ("12% of 80", "9.6"),
        ("50%", "0.5"),
        ("200 * (1 + 5%) ** 2", "220.5"),
        ("4 ** 50%", "2"),
        ("20% of 50% of 80", "8"),
        ("10 % 3", "1"),
        ("10 mod 3", "1"),
        ("-7 mod 3", "2"),
        ("6 \N{MULTIPLICATION SIGN} 7 \N{DIVISION SIGN} 2 \N{MINUS SIGN} 1", "20"),
        ("17x23 =", "391"),
        ("2 plus 3 times 4", "14"),
        ("2^10", "1024"),
        ("2^3^2", "512"),
        ("-2**2", "-4"),
        ("5² + 2³", "33"),
        ("√(16) + π*0", "4"),
        ("1,234.5 * 2", "2469"),
        ("1,000,000 / 3", "333333.333333"),
        ("max(1,234)", "234"),
        ("max((1,234), 5)", "1234"),
        ("1_000 + 1e3", "2000"),
        ("sqrt(2)", "1.41421356237"),
        ("sqrt(1/4)", "0.5"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(2.675, 2)", "2.68"),
        ("round(sqrt(2), 3)", "1.414"),
        ("abs(-3) + floor(-2.5) + ceil(1.2)", "2"),
        ("min(3, 1, 2)", "1"),
        ("log10(1000) + log(8, 2) + ln(e)", "7"),
        ("floor(log(1000, 10))", "3"),
        ("log(1.0000001)", "9.99999950584e-8"),
        ("exp(0) + cos(0)", "2"),
        ("sin(pi) + cos(pi/2) + tan(pi)", "0"),
        ("PI", "3.14159265359"),
        ("12345678901.25 + 1", "12345678902.25"),
        ("1e15/3", "333333333333333.33"),
        ("1/1024", "0.0009765625"),
        ("1/3/10**20", "3.33333333333e-21"),
        ("sqrt(2)*10**20", "1.4142135623731e+20"),
        ("-0.0", "0"),
        ("2**-2", "0.25"),
        ("1**(10**300)", "1"),
        ("+".join(["1"] * 250), "250"),
    ],
)
def test_arithmetic_as_people_and_models_write_it(text: str, result: str) -> None:
    assert compute(text) == result


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1/0", "division by zero"),
        ("0**-1", "division by zero"),
        ("5 mod 0", "division by zero"),
        ("1.5 // 0", "division by zero"),
        ("sqrt(2) / 0", "division by zero"),
        ("sqrt(-1)", "not real"),
        ("(-8)**(1/3)", "no real result"),
        ("log(0)", "above zero"),
        ("log(8, 1)", "not 1"),
        ("tan(pi/2)", "no value"),
        ("sqr(2)", "did you mean sqrt?"),
        ("answer", "unknown name 'answer'"),
        ("lambda", "unknown name"),
        ("__import__('os').system('id')", "unexpected '_'"),
        ("(1).real", "unexpected '.'"),
        ("[1]", "unexpected '['"),
        ("'a'*3", "unexpected"),
        ("1 if 1 else 2", "unknown name 'if'"),
        ("1 < 2", "unexpected '<'"),
        ("5!", "unexpected '!'"),
        ("\N{FULLWIDTH DIGIT ONE}+1", "unexpected"),
        ("pi(3)", "operator is missing before '('"),
        ("2(3)", "operator is missing"),
        ("2 3", "operator is missing"),
        ("sqrt 2", "sqrt needs parentheses"),
        ("max()", "1 to 100 arguments"),
        ("sin(1, 2)", "1 argument"),
        ("max(*2, 3)", "out of place"),
        ("max(1, **2)", "out of place"),
        ("3,14", "write decimals with a point"),
        ("0,123", "write decimals with a point"),
        ("1,234,56", "write decimals with a point"),
        ("7 % -3", "two ways"),
        ("1 +", "isn't complete"),
        ("(1", "isn't complete"),
        ("1)", "isn't complete"),
        ("()", "out of place"),
        (" = ", "empty"),
        ("9**9**9", "more than 1,000 digits"),
        ("10**1000 * 10**1000", "more than 1,000 digits"),
        ("1e999999999", "too large"),
        ("exp(1000)", "too large"),
        ("1.5**(10**9)", "too large"),
        ("round(1, 99)", "whole number of places"),
        ("-" * 400 + "1", "nested too deeply"),
        ("(" * 300, "parentheses inside each other"),
        ("2**" * 100 + "2", "nested too deeply"),
        ("1" * (LONGEST + 1), "longer than"),
    ],
)
def test_what_can_not_be_worked_out_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ArithmeticProblem) as caught:
        evaluate(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "9**9**9**9**9",
        "1e1000**1e1000",
        "1.1**999*" * 50 + "1",
        "1/97**400+" * 40 + "1",
        "exp(" * 40 + "9" + ")" * 40,
        "10**-(10**900)",
    ],
)
def test_no_expression_takes_long(text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(ArithmeticProblem):
        evaluate(text)
    # Two orders of magnitude above what it takes, and many below what these would take unbounded.
    assert time.process_time() - begun < 0.5


async def test_the_tool_answers_with_the_number_or_with_what_is_wrong() -> None:
    assert await calculator(context(), Calculation(expression="17*23")) == "391"
    with pytest.raises(ToolError, match="'1/0' can't be worked out: division by zero"):
        await calculator(context(), Calculation(expression="1/0"))


# --- generated ------------------------------------------------------------------------------------


def expressions(leaves: SearchStrategy[str], operators: str) -> SearchStrategy[str]:
    """Texts that mean the same to the calculator and to Python."""

    def grown(inner: SearchStrategy[str]) -> SearchStrategy[str]:
        joined = st.tuples(inner, st.sampled_from(operators.split()), inner)
        return (
            joined.map(" ".join)
            | joined.map(" ".join).map("({})".format)
            | inner.map("-({})".format)
            | inner.map("abs({})".format)
            | st.tuples(inner, inner).map(lambda pair: f"max({pair[0]}, {pair[1]})")
        )

    return st.recursive(leaves, grown, max_leaves=12).filter(lambda text: len(text) <= LONGEST)


WHOLE = st.integers(0, 10**9).map(str)
SMALL = st.integers(0, 4).map(str)


def outcome(text: str, exact: bool) -> object:
    """What Python makes of the text; with `exact`, of the text with its numbers as fractions."""
    tree = ast.parse(text, mode="eval")
    if exact:
        tree = ast.fix_missing_locations(_Exact().visit(tree))
    names = {"abs": abs, "max": max, "Fraction": Fraction, "__builtins__": {}}
    try:
        return eval(compile(tree, "generated", "eval"), names)
    except (ZeroDivisionError, OverflowError):
        return None


class _Exact(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        text = ast.Constant(repr(node.value))
        return ast.Call(ast.Name("Fraction", ast.Load()), [text], [])


@given(expressions(WHOLE, "+ - * // mod"))
def test_whole_numbers_agree_with_python_to_the_last_digit(text: str) -> None:
    expected = outcome(text.replace("mod", "%"), exact=False)
    if expected is None:
        with pytest.raises(ArithmeticProblem, match="division by zero"):
            evaluate(text)
    else:
        assert evaluate(text) == expected
        assert compute(text) == str(expected)


@given(expressions(SMALL, "+ - * **"))
def test_powers_agree_with_python_or_are_refused_as_too_large(text: str) -> None:
    try:
        found = evaluate(text)
    except ArithmeticProblem as problem:
        assert any(
            word in str(problem)
            for word in ("digits", "too large", "no real result", "division by zero")
        )
        return
    expected = outcome(text, exact=False)
    assert found == expected or math.isclose(found, float(str(expected)), rel_tol=1e-9)


@given(
    expressions(
        st.decimals(0, 10_000, places=3, allow_nan=False, allow_infinity=False).map(str) | WHOLE,
        "+ - * /",
    )
)
@settings(max_examples=200)
def test_decimals_agree_with_exact_fractions(text: str) -> None:
    expected = outcome(text, exact=True)
    if expected is None:
        with pytest.raises(ArithmeticProblem, match="division by zero"):
            evaluate(text)
        return
    assert isinstance(expected, Fraction)
    assert evaluate(text) == expected
    shown = Fraction(compute(text))
    assert abs(shown - expected) <= abs(expected) * Fraction(1, 10**11)


@given(st.integers(-(10**40), 10**40), st.integers(0, 30))
def test_a_decimal_that_ends_is_written_in_full_or_to_twelve_digits(
    number: int, places: int
) -> None:
    value = Fraction(number, 10**places)
    shown = written(value.numerator if value.denominator == 1 else value)
    if len(str(abs(number))) <= 30:
        assert Fraction(shown) == value
    else:
        assert abs(Fraction(shown) - value) <= abs(value) * Fraction(1, 10**11)


@given(st.floats(-1e300, 1e300))
def test_a_float_is_written_to_twelve_digits_at_least(number: float) -> None:
    assert math.isclose(float(written(number)), number, rel_tol=1e-11, abs_tol=5e-324)


ALPHABET = "0123456789.,+-*/%()^ exsqrtpimadof²\N{MULTIPLICATION SIGN}√_'\"[]=<>\n"


@given(st.text(ALPHABET, max_size=60) | st.text(max_size=60))
@settings(max_examples=400)
def test_any_text_ends_in_a_number_or_in_a_reason(text: str) -> None:
    try:
        found = evaluate(text)
    except ArithmeticProblem as problem:
        assert str(problem)
    else:
        assert isinstance(found, int | Fraction | float)
        assert math.isfinite(float(written(found)[:300]))
