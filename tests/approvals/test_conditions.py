"""Conditions of grants: what may be written, what is refused where, and what they say of a call."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from approvals.condition_check import issues
from approvals.conditions import LONGEST, MOST, Condition, ConditionFailed, Facts, cleaned, read
from approvals.tiers import ADMIN, USER

PARAMETERS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "to": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "ids": {"type": "array", "items": {"type": "string"}},
        "customer": {"$ref": "#/$defs/Customer"},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "$defs": {"Customer": {"type": "object", "properties": {"email": {"type": "string"}}}},
}
CALL = Facts(
    args={"amount": 150.0, "count": 3, "to": "bob@acme.com", "ids": ["a", "b"], "memo": None},
    username="ann",
    email_domain="acme.com",
    roles=("member", "operator"),
    tenant="acme",
    domains=("acme.com", "acme.localhost"),
    component="refunds",
)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("args.amount > 100", True),
        ("args.amount > 149.5 && args.count < 4", True),
        ("args.amount <= 100", False),
        ("args.count in [1, 2]", False),
        ('args.to.endsWith("@acme.com")', True),
        ('!tenant.domains.exists(d, args.to.endsWith("@" + d))', False),
        ('args.to.matches("^[a-z]+@evil[.]com$")', False),
        ('"operator" in member.roles && member.username != "bob"', True),
        ('member.email_domain == "acme.com" && tenant.slug == "acme"', True),
        ("size(args.ids) > 1 && args.ids.all(i, size(i) == 1)", True),
        ("has(args.memo)", False),
        ("has(args.amount)", True),
        ('tainted || component == "refunds"', True),
        ("tainted", False),
    ],
)
def test_a_condition_says_of_a_call_whether_it_holds(when: str, expected: bool) -> None:
    assert issues(when) == []
    assert Condition(when, USER).holds(CALL) is expected


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("args.nothing > 1", "there is no nothing"),
        ('args.amount > "much"', "No matching overloads"),
        ("args.count / 0 > 1", "divide by zero"),
        ('args.to.matches("(")', "invalid regular expression"),
        ("args.amount", "neither true nor false"),
        ("args.amount >", "the expression is wrong"),
        ("nobody.knows", "the expression is wrong"),
        ("", "the expression is wrong"),
    ],
)
def test_one_that_says_neither_fails(when: str, said: str) -> None:
    with pytest.raises(ConditionFailed, match=said):
        Condition(when, USER).holds(CALL)


def test_what_a_call_costs_is_bounded() -> None:
    nine = "[1, 2, 3, 4, 5, 6, 7, 8, 9]"
    nested = "true"
    for name in "abcdefghij":
        nested = f"{nine}.all({name}, {nested})"
    began = time.process_time()
    for when in (nested, "args.many.all(x, args.many.all(y, y >= 0))"):
        with pytest.raises(ConditionFailed, match="budget"):
            Condition(when, USER).holds(Facts({"many": list(range(30_000))}))
    # Ten levels of nine would be three and a half thousand million steps.
    assert time.process_time() - began < 2
    slow = Condition('args.text.matches("(x+x+)+y")', USER)
    assert slow.holds(Facts({"text": "x" * 50_000})) is False


@pytest.mark.parametrize(
    ("when", "place", "said"),
    [
        ("args.to > 100", (1, 9), "> doesn't work between string and int."),
        ("tainted ||\n  args.count > 'a'", (2, 14), "> doesn't work between int and string."),
        ("args.amont > 1", (1, 6), "args has no amont. There is: amount, count, to, ids,"),
        ('member.role == "x"', (1, 8), "member has no role."),
        ("tenant.name == 'x'", (1, 8), "tenant has no name."),
        ("nope > 1", (1, 1), "nope is not known."),
        ("args.amount >", (1, 14), "This can't be read: "),
        ("args.amount * 2 > 4.0", (1, 13), "* doesn't work between double and int. Write a whole"),
        ("args.to == null", (1, 9), "Ask with has() whether it is given."),
        ("args.customer.email > 1", (1, 21), "> doesn't work between string and int."),
        ("args.ids.all(i, i > 1)", (1, 19), "> doesn't work between string and int."),
        ("args.to.startsWith(1)", (1, 19), "startsWith() doesn't take string, int."),
        ("args.amount", (1, 1), "It gives double, and a condition gives true or false."),
        ("component", (1, 1), "It gives string, and a condition gives true or false."),
        ("", (1, 1), "Write an expression"),
        ("(" * 50 + "true" + ")" * 50, (1, 1), "It is nested too deeply."),
        ("x" * (LONGEST + 1), (1, LONGEST + 1), "at most 1,000 characters"),
    ],
)
def test_a_mistake_is_told_where_it_is(when: str, place: tuple[int, int], said: str) -> None:
    (first, *_) = issues(when, PARAMETERS)
    assert (first.line, first.column) == place
    assert said in first.message


@pytest.mark.parametrize(
    "when",
    [
        "args.amount > 100",
        "args.amount in [100, 200.5]",
        "has(args.to) && args.to.contains('@')",
        'args.either == "a" || args.either == 1',
        "'args.amont' == component",
        'args["amount"] > 1.0',
        "args.ids.size() > 3",
    ],
)
def test_what_a_call_could_answer_is_no_mistake(when: str) -> None:
    assert issues(when, PARAMETERS) == []


def test_arguments_that_nothing_is_known_of_may_be_anything() -> None:
    assert issues('args.whatever > 1 && args.other == "x"') == []
    assert issues("args.more > 1", {**PARAMETERS, "additionalProperties": True}) == []


def test_all_mistakes_are_told_at_once() -> None:
    rows: list[Any] = [
        {"when": "args.to > 1", "tier": "user"},
        {"when": "tainted", "tier": "free"},
        {"when": "tainted", "tier": "admin", "color": "red"},
        "tainted",
        {"when": "tainted", "tier": "user", "why": "x" * 201},
    ]
    with pytest.raises(ValidationError) as refused:
        cleaned(rows, PARAMETERS)
    assert refused.value.messages == [
        "Condition 1, column 9: > doesn't work between string and int.",
        "Condition 2: choose the tier that it raises to.",
        "Condition 3: it has no color.",
        "Condition 4: expected texts: when, tier and why.",
        "Condition 5: the reason has at most 200 characters.",
    ]
    for wrong in ({}, "x", [{"when": "tainted", "tier": "user"}] * (MOST + 1)):
        with pytest.raises(ValidationError):
            cleaned(wrong)


def test_good_ones_are_stored_without_blanks_around_them() -> None:
    given = [{"when": " args.amount > 1 ", "tier": "admin", "why": " much "}]
    assert cleaned(given, PARAMETERS) == [
        {"when": "args.amount > 1", "tier": "admin", "why": "much"}
    ]


@pytest.mark.parametrize("stored", ["x", None, [1], [{"when": "true"}], [{"tier": "free"}]])
def test_what_can_not_be_read_asks_for_the_strictest(stored: object) -> None:
    (condition,) = read(stored)
    assert condition.tier == ADMIN
    with pytest.raises(ConditionFailed):
        condition.holds(CALL)
