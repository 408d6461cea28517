"""`GET /usage`: what was used, by whom, and that it is what the runs say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from agents.limits.jobs import fold_usage
from agents.limits.models import EVERYBODY, Usage
from agents.models import Run
from tenants.accounts.models import Member
from tenants.context import use_tenant
from tests.api.test_auth import is_problem
from tests.limits.conftest import limit_members, limit_tenant, ref
from tests.support.waiting import until

SUMS = ("input_tokens", "output_tokens")


def sums(rows: Any) -> dict[str, int]:
    return rows.aggregate(**{name: Sum(name, default=0) for name in SUMS})  # type: ignore[no-any-return]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_usage_is_the_sum_of_the_runs_for_each_member_and_all(
    limits: None, api: Any, tenant: str
) -> None:
    api(tenant).run("What is 17*23?")
    with use_tenant(ref(tenant)):
        until(_none_is_under_way)
        before = {pk: Usage.objects.filter(member_id=pk) for pk in _everybody()}
        was = {pk: (_runs(rows), sums(rows)) for pk, rows in before.items()}
        last = Run.objects.order_by("-id").values_list("id", flat=True).first()
    for username in ("member", "builder"):
        api(tenant, username).run("What is 17*23?")
        api(tenant, username).run("Hello")
    with use_tenant(ref(tenant)):
        until(_none_is_under_way)
        for pk, (runs, tokens) in was.items():
            new = Run.objects.filter(id__gt=last)
            new = new if pk == EVERYBODY else new.filter(member_id=pk)
            rows = Usage.objects.filter(member_id=pk)
            assert _runs(rows) == runs + new.count()
            added = sums(new)
            assert sums(rows) == {name: tokens[name] + added[name] for name in SUMS}


def _none_is_under_way() -> bool:
    """Paused ones, which another test may have left, use nothing."""
    return not Run.objects.filter(status__in=(Run.Status.QUEUED, Run.Status.RUNNING)).exists()


def _everybody() -> list[int]:
    return [EVERYBODY, *Member.objects.values_list("pk", flat=True)]


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
