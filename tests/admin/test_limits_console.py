"""Limits and use on both consoles and on the account page, for two tenants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.limits.models import EVERYBODY, DefaultLimits, MemberLimits, Usage
from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.admin.console import Console, words
from tests.api.test_auth import is_problem
from tests.limits.conftest import limit_members, limit_tenant, limits, ref
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

__all__ = ["limits"]

Consoles = Callable[..., Console]
USAGE = "/admin/limits/memberuse/"
EVERY = "/admin/limits/memberuse/everybody/"


@pytest.fixture
def used(limits: None) -> Iterator[Callable[..., None]]:
    """`used("acme", "member", 1200)`: that many tokens used today, taken back afterwards."""
    made: list[tuple[str, int]] = []

    def use(slug: str, username: str, tokens: int) -> None:
        with use_tenant(ref(slug)):
            member = Member.objects.get(username=username)
            for whose in (EVERYBODY, member.pk):
                row = Usage.objects.create(
                    member_id=whose,
                    day=datetime.now(UTC).date(),
                    slot=99 + len(made),
                    runs=1,
                    input_tokens=tokens,
                )
                made.append((slug, row.pk))

    yield use
    for slug, pk in made:
        with use_tenant(ref(slug)):
            Usage.objects.filter(pk=pk).delete()


def tenant_path(slug: str) -> str:
    with use_shared():
        return f"/admin/tenants/tenant/{Tenant.objects.get(schema_name=slug).pk}/change/"


def member_path(slug: str, username: str) -> str:
    with use_tenant(ref(slug)):
        return f"{USAGE}{Member.objects.get(username=username).pk}/change/"


def test_the_platform_sets_a_tenants_limits_and_sees_its_use(
    console: Consoles, used: Callable[..., None], server: Server
) -> None:
    root = console("platform", "root")
    used("acme", "member", 990_000_000)
    path = tenant_path("acme")
    assert "installation's setting (no limit). 0: no limit." in root.page(path)
    fields = root.fields(path)
    assert fields["max_concurrent_runs"] == "" and fields["max_concurrent_runs_per_member"] == ""
    wrong = root.post(path, {**fields, "tokens_per_day": "-1"})
    assert wrong.status_code == 200 and "greater than or equal to 0" in words(wrong.text)
    root.told(root.post(path, {**fields, "tokens_per_day": "980000000"}))
    page = root.page(path)
    assert "of 980,000,000" in page and "anew from" in page
    other = root.page(tenant_path("globex"))
    assert "Use so far" in other and "980,000,000" not in other
    api = Api.signed_in(server, "acme", "member")
    refused = until(
        lambda: api.post("/agents/assistant/runs", json={"input": "Hi", "background": True}),
        lambda answer: answer.status_code == 402,
    )
    is_problem(refused, 402, "budget_tokens_day")
    api.close()


def test_the_members_of_one_tenant_are_listed_with_most_use_first(
    console: Consoles, used: Callable[..., None]
) -> None:
    used("acme", "builder", 700_000_000)
    used("acme", "member", 600_000_000)
    used("globex", "auditor", 800_000_000)
    limit_members("acme", "builder", tokens_per_month=1_000_000_000)
    text = console("acme", "operator").get(USAGE).text
    assert 'value="70"' in text or 'value="71"' in text  # of the builder's own limit
    page = words(text)
    names = re.findall(r"\b(builder|member|auditor) ", page[page.index("Tokens this month") :])
    assert names.index("builder") < names.index("member") < names.index("auditor")
    assert "of 1,000,000,000" in page and "own limits" in page and "800,000,000" not in page
    assert "Limits of each member" not in page  # an operator may only look
    assert "800,000,000" in console("globex", "owner").page(USAGE)


def test_the_number_of_queries_does_not_grow_with_the_members(
    limits: None, django_assert_max_num_queries: Any
) -> None:
    from agents.limits.report import report

    with use_tenant(ref("acme")):
        everybody = list(Member.objects.values_list("pk", flat=True))
        assert len(everybody) > 4
        with django_assert_max_num_queries(10) as one:
            report(everybody[:1])
        with django_assert_max_num_queries(len(one)):
            assert len(report(everybody).members) == len(everybody)


def test_an_owner_sets_what_each_member_may_use(console: Consoles, limits: None) -> None:
    limit_tenant("acme", tokens_per_day=1000, cost_per_month=50)
    owner = console("acme")
    above = owner.post(EVERY, {**owner.fields(EVERY), "tokens_per_day": "1001"})
    assert "The tenant itself has 1,000 of this at most" in words(above.text)
    with use_tenant(ref("acme")):
        assert not DefaultLimits.objects.exists()
    done = owner.post(EVERY, {**owner.fields(EVERY), "tokens_per_day": "900", "live_runs": "3"})
    assert "The limits of each member are saved" in owner.told(done)
    assert owner.fields(EVERY)["tokens_per_day"] == "900"
    with use_tenant(ref("globex")):
        assert not DefaultLimits.objects.exists()
    assert "what each member has (900)" in owner.page(member_path("acme", "member"))


def test_an_owner_sets_and_takes_back_the_limits_of_one_member(
    console: Consoles, limits: None
) -> None:
    owner, path = console("acme"), member_path("acme", "member")
    limit_tenant("acme", cost_per_month=50)
    above = owner.post(path, {**owner.fields(path), "cost_per_month": "50.01"})
    assert "The tenant itself has 50.00 of this at most" in words(above.text)
    done = owner.post(path, {**owner.fields(path), "cost_per_month": "12.5", "live_runs": "0"})
    assert "12.50 USD" in owner.told(done)
    with use_tenant(ref("acme")):
        row = MemberLimits.objects.get(member__username="member")
        assert (str(row.cost_per_month), row.live_runs) == ("12.5000", 0)
    nothing = {**owner.fields(path), "cost_per_month": "", "live_runs": ""}
    owner.told(owner.post(path, nothing))
    with use_tenant(ref("acme")):
        assert not MemberLimits.objects.exists()


def test_who_may_only_look_changes_nothing(console: Consoles, limits: None) -> None:
    path = member_path("acme", "member")
    auditor = console("acme", "auditor")
    assert "Save the limits" not in auditor.page(path)
    assert auditor.post(path, {"live_runs": "1"}).status_code == 403
    assert auditor.get(EVERY).status_code == 403
    builder = console("acme", "builder")
    assert builder.get(USAGE).status_code == 403
    assert "Usage and limits" not in builder.page("/admin/")
    with use_tenant(ref("acme")):
        assert not MemberLimits.objects.exists() and not DefaultLimits.objects.exists()


def test_members_see_their_own_use_in_their_own_time_zone(
    visitor: Callable[..., Console], used: Callable[..., None]
) -> None:
    used("acme", "member", 600_000_000)
    limit_members("acme", tokens_per_day=1_000_000_000)
    with use_tenant(ref("acme")):
        member = Member.objects.get(username="member")
        zone, member.time_zone = member.time_zone, "Asia/Kolkata"
        member.save(update_fields=["time_zone"])
    try:
        pages = {}
        for slug in ("acme", "globex"):
            app = visitor(slug)
            app.get("/sign-in/")
            answer = app.post("/sign-in/", {"username": "member", "password": "demo-demo"})
            assert answer.status_code == 302
            pages[slug] = app.page("/account/")
    finally:
        with use_tenant(ref("acme")):
            member.time_zone = zone
            member.save(update_fields=["time_zone"])
    assert "Your use" in pages["acme"] and "of 1,000,000,000" in pages["acme"]
    assert re.search(r"anew from \S+ 05:30 IST", pages["acme"])
    assert "Your use" in pages["globex"] and "of 1,000,000,000" not in pages["globex"]
