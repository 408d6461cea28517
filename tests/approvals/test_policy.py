"""Which grant is about a call, what raises its tier, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from approvals.conditions import Facts, read
from approvals.policy import EVERY_AGENT, Rule, Ruling, beyond_run, rule
from approvals.tiers import ADMIN, AUDITED, FREE, USER

CALL = Facts(args={"amount": 150.0}, username="ann", roles=("member",), component="bot")
TAINTED = replace(CALL, tainted=True)


def grant(agent: str = EVERY_AGENT, tier: str = "free", **fields: Any) -> Rule:
    conditions = read(fields.pop("conditions", []))
    return Rule(7, agent, "pay", tier, conditions=conditions, **fields)


def ruling(
    *grants: Rule,
    facts: Facts = CALL,
    declared: str = "free",
    effect: str = "write",
    agent: str = "bot",
) -> Ruling:
    rules = {(one.agent, one.tool): one for one in grants}
    return rule(rules, agent, "pay", declared, effect, facts)


def over(amount: int, tier: str, why: str = "") -> dict[str, str]:
    return {"when": f"args.amount > {amount}", "tier": tier, "why": why}


def test_an_agents_own_grant_goes_before_that_of_all_before_the_tools_word() -> None:
    own, every = grant("bot", "free"), grant(tier="admin")
    assert ruling(own, every, declared="user").tier == FREE
    assert ruling(own, every, declared="user", agent="other").tier == ADMIN
    assert ruling(own, declared="user", agent="other").tier == USER
    assert ruling(declared="audited").tier == AUDITED
    assert ruling(own, every).why == "The grant of bot for pay says free."
    assert ruling(every).why == "The grant of every agent for pay says admin sign-off."
    assert ruling().why == "pay declares free, and no grant says otherwise."


def test_a_tier_that_nobody_knows_is_the_strictest() -> None:
    assert ruling(declared="whatever").tier == ADMIN


def test_a_grant_brings_who_decides_and_how_long_it_stays_open() -> None:
    given = ruling(
        grant(
            tier="admin",
            decider_roles=("approver",),
            quorum=2,
            own_requests=True,
            expires_minutes=30,
            on_expiry="escalate",
            escalate_to="owner",
            calls_per_run=3,
            calls_per_hour=9,
        )
    )
    assert given.asks and given.recorded and given.grant_id == 7
    assert (given.decider_roles, given.quorum, given.own_requests) == (("approver",), 2, True)
    assert (given.expires_minutes, given.on_expiry) == (30, "escalate")
    assert (given.escalate_to, given.calls_per_run, given.calls_per_hour) == ("owner", 3, 9)
    assert ruling().grant_id is None and not ruling().asks and not ruling().recorded


@pytest.mark.parametrize(
    ("conditions", "tier"),
    [
        ([over(100, "admin")], "admin"),
        ([over(200, "admin"), over(100, "user")], "user"),
        ([over(100, "user"), over(10, "admin")], "admin"),
        ([over(200, "admin"), over(300, "user")], "audited"),
        ([over(100, "audited")], "audited"),
    ],
)
def test_conditions_raise_to_the_strictest_that_holds(conditions: list[Any], tier: str) -> None:
    assert ruling(grant(tier="audited", conditions=conditions)).tier == tier


def test_conditions_never_lower() -> None:
    assert ruling(grant(tier="admin", conditions=[over(1, "user")])).tier == ADMIN


def test_the_reason_is_the_operators_or_the_expression() -> None:
    said = ruling(grant(conditions=[over(100, "admin", "more than 100 EUR")])).why
    assert said == (
        "The grant of every agent for pay says free. Raised to admin sign-off: more than 100 EUR."
    )
    assert ruling(grant(conditions=[over(100, "user")])).why.endswith(": args.amount > 100.")


def test_the_agents_own_grant_replaces_the_conditions_of_all() -> None:
    every = grant(conditions=[over(1, "admin")])
    assert ruling(grant("bot", "free"), every).tier == FREE


@pytest.mark.parametrize(
    "when", ["args.total > 1", "args.amount > 'x'", "args.amount >", "args.amount", "1 / 0 == 1"]
)
def test_a_condition_that_fails_counts_as_one_that_holds(when: str) -> None:
    given = ruling(grant(conditions=[{"when": when, "tier": "admin", "why": "much"}]))
    assert given.tier == ADMIN
    assert "whether “much” can't be told (" in given.why


@pytest.mark.parametrize(
    ("tier", "effect", "raised"),
    [
        ("free", "write", "user"),
        ("audited", "idempotent_write", "user"),
        ("user", "write", "admin"),
        ("admin", "write", "admin"),
        ("free", "read", "free"),
        ("user", "read", "user"),
    ],
)
def test_untrusted_content_makes_writing_stricter(tier: str, effect: str, raised: str) -> None:
    for grants, declared in (((grant(tier=tier),), "free"), ((), tier)):
        given = ruling(*grants, facts=TAINTED, effect=effect, declared=declared)
        assert given.tier == raised
        assert ("untrusted content" in given.why) is (raised != tier)


def test_a_grant_may_say_otherwise_about_untrusted_content() -> None:
    assert ruling(grant(untrusted="keep"), facts=TAINTED).tier == FREE
    refused = ruling(grant(untrusted="refuse"), facts=TAINTED, effect="read")
    assert "untrusted content" in refused.refused
    assert ruling(grant(untrusted="refuse")).refused == ""


def test_taint_and_conditions_add_up() -> None:
    given = ruling(grant(conditions=[over(100, "user")]), facts=TAINTED)
    assert given.tier == ADMIN


def test_a_long_reason_is_cut_to_what_an_approval_holds() -> None:
    long = {"when": " || ".join(["args.amount > 100"] * 50), "tier": "user"}
    assert len(ruling(grant(conditions=[long])).why) == 500


def test_calls_of_a_run_are_counted_in_the_journals_order() -> None:
    given = ruling(grant(calls_per_run=2))
    assert beyond_run(given, "c", ["a"]) == ""
    assert "2 times in one run" in beyond_run(given, "c", ["a", "b"])
    # Entered again, or beside one another: each call keeps its place.
    assert [beyond_run(given, key, ["a", "b", "c"]) == "" for key in "abc"] == [True, True, False]
    assert "once" in beyond_run(ruling(grant(calls_per_run=1)), "b", ["a"])
    assert beyond_run(ruling(grant(calls_per_run=0)), "a", []) != ""
    assert beyond_run(ruling(grant()), "z", list("abcdef")) == ""
