"""`GET /usage`: what was used, by whom, and that it is what the runs say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db.models import Q, Sum

from agents.limits.jobs import fold_usage
from agents.limits.models import EVERYBODY, Usage
from agents.models import Run
from tenants.accounts.models import Member
from tenants.context import use_tenant
from tests.api.test_auth import is_problem
from tests.limits.conftest import limit_members, limit_tenant, ref
from tests.support.client import PASSWORD, Api
from tests.support.server import Server
from tests.support.waiting import until

SUMS = ("input_tokens", "output_tokens")


def sums(rows: Any) -> dict[str, int]:
    return rows.aggregate(**{name: Sum(name, default=0) for name in SUMS})  # type: ignore[no-any-return]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_usage_is_the_sum_of_the_runs_for_each_member_and_all(
    limits: None, server: Server, tenant: str
) -> None:
    people = [_somebody(tenant) for _ in range(2)]
    with use_tenant(ref(tenant)):
        before = _of_all_beside_the_members()
    for _, name in people:
        client = Api.signed_in(server, tenant, name)
        client.run("What is 17*23?")
        client.run("Hello")
    with use_tenant(ref(tenant)):
        for pk, _ in people:
            runs, rows = Run.objects.filter(member_id=pk), Usage.objects.filter(member_id=pk)
            until(lambda runs=runs: not runs.filter(status__in=Run.LIVE).exists())
            assert _runs(rows) == runs.count() >= 2
            assert sums(rows) == sums(runs)
            assert sums(rows)["output_tokens"] > 0
        # Written by the statement that ends a run, so whosever runs end in between.
        assert _of_all_beside_the_members() == before


def _somebody(tenant: str) -> tuple[int, str]:
    """A new member, whose runs are this test's alone."""
    name = f"spender-{uuid4().hex[:8]}"
    with use_tenant(ref(tenant)):
        member = Member.objects.create_user(name, PASSWORD)
        member.groups.set(Group.objects.filter(name="member"))
        return member.pk, name


def _of_all_beside_the_members() -> dict[str, int]:
    """By how much the rows that count everybody are beyond the sum of the members'."""
    every, each = Q(member_id=EVERYBODY), ~Q(member_id=EVERYBODY)
    return Usage.objects.aggregate(
        **{
            name: Sum(name, default=0, filter=every) - Sum(name, default=0, filter=each)
            for name in ("runs", *SUMS)
        }
    )


def _runs(rows: Any) -> int:
    return int(rows.aggregate(runs=Sum("runs", default=0))["runs"])


def test_one_sees_ones_own_use_and_with_the_scope_everybodys(limits: None, api: Any) -> None:
    api("acme").run("Hello")
    api("acme", "builder").run("Hello")
    own = api("acme").get("/usage?group_by=member").json()
    assert [item["member"]["username"] for item in own["items"]] == ["member"]
    assert own["items"][0]["total_tokens"] == own["totals"]["total_tokens"] > 0
    everybodys = api("acme", "operator").get("/usage?group_by=member&count=true").json()
    assert {"member", "builder"} <= {item["member"]["username"] for item in everybodys["items"]}
    assert everybodys["count"] == len(everybodys["items"])
    assert sum(item["runs"] for item in everybodys["items"]) == everybodys["totals"]["runs"]
    member_id = own["items"][0]["member"]["id"]
    theirs = api("acme", "operator").get(f"/usage?member_id={member_id}").json()
    assert theirs["totals"] == own["totals"]
    builder = api("acme", "builder").get("/me").json()["id"]
    assert api("acme").get(f"/usage?member_id={builder}").json()["items"] == []


def test_use_of_days_and_components_comes_in_pages(limits: None, api: Any) -> None:
    api("globex").run("Hello")
    with use_tenant(ref("globex")):
        member = Member.objects.get(username="member").pk
        today = datetime.now(UTC).date()
        days = [today - timedelta(days=back) for back in (400, 401, 402)]
        Usage.objects.filter(day__in=days).delete()
        for day in days:
            for slug in ("first", "second"):
                Usage.objects.create(
                    member_id=member, day=day, kind="agent", slug=slug, runs=1, input_tokens=5,
                    output_tokens=2, cost=Decimal("0.5"),
                )  # fmt: skip
    between = f"from={days[-1]}&to={days[0]}"
    seen, cursor = [], ""
    while True:
        answer = api("globex").get(f"/usage?{between}&limit=2{cursor}").json()
        seen += answer["items"]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert [item["day"] for item in seen] == [str(day) for day in days]
    assert {(item["runs"], item["total_tokens"], item["cost"]) for item in seen} == {(2, 14, "1")}
    of = api("globex").get(f"/usage?{between}&group_by=component&slug=first").json()
    assert [item["component"] for item in of["items"]] == [{"kind": "agent", "slug": "first"}]
    assert of["totals"]["cost"] == "1.5"
    with use_tenant(ref("globex")):
        Usage.objects.filter(day__in=days).delete()


def test_bad_ranges_and_cursors_are_refused(limits: None, api: Any) -> None:
    is_problem(api("acme").get("/usage?from=2026-02-02&to=2026-01-01"), 422, "range")
    is_problem(api("acme").get("/usage?group_by=hour"), 422, "invalid")
    is_problem(api("acme").get("/usage?cursor=nonsense"), 400, "cursor")
    is_problem(api("acme").get("/usage?cursor=WyJ4Il0="), 400, "cursor")  # ["x"]: no day


def test_limits_are_told_with_what_is_used(limits: None, api: Any) -> None:
    # Far above what the tests before this one have used today.
    limit_members("acme", tokens_per_day=10_000_000)
    limit_tenant("acme", tokens_per_day=90_000_000)
    api("acme").run("Hello")
    used = api("acme").get("/usage?from=2020-01-01").json()["totals"]["total_tokens"]
    answer = api("acme").get("/usage/limits").json()
    assert set(answer) == {"member"}
    today = next(item for item in answer["member"] if item["code"] == "budget_tokens_day")
    assert today["limit"] == 10_000_000 and 0 < today["used"] <= used
    assert all(i["limit"] is None for i in answer["member"] if i["code"] != today["code"])
    owner = api("acme", "owner").get("/usage/limits").json()
    tenants = next(item for item in owner["tenant"] if item["code"] == "budget_tokens_day")
    assert tenants["limit"] == 90_000_000 and tenants["used"] >= today["used"]


def test_past_days_are_folded_without_changing_a_sum(limits: None, api: Any) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    for slug in ("acme", "globex"):
        with use_tenant(ref(slug)):
            for slot in (0, 3, 15):
                Usage.objects.create(
                    member_id=EVERYBODY,
                    day=day,
                    slot=slot,
                    runs=2,
                    input_tokens=10,
                    output_tokens=1,
                )
            Usage.objects.create(member_id=7, day=day - timedelta(days=900), slot=1, runs=1)
    assert fold_usage() == 2  # what is too old, of each tenant
    assert fold_usage() == 0
    for slug in ("acme", "globex"):
        with use_tenant(ref(slug)):
            row = Usage.objects.get(member_id=EVERYBODY, day=day)
            assert (row.slot, row.runs, row.input_tokens, row.output_tokens) == (0, 6, 30, 3)
            row.delete()
