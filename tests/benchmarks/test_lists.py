"""Lists over a tenant with a past: an index answers each, and none counts or reads everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.lists import Visitor, pages
from benchmarks.plans import Explained, explained
from benchmarks.seed import known, seed
from tenants.context import TenantRef, use_shared, use_tenant
from tests.support.server import Server

RUNS = 3000
SEARCHED = 100
SLUG = "hooli"


@pytest.fixture(scope="module")
def past(database: None, django_db_blocker: Any) -> Iterator[TenantRef]:
    """A tenant of its own with 3,000 runs; nobody else's tests see it."""
    from django.contrib.auth.models import Group

    from agents.catalog.install import install
    from agents.models import Agent
    from tenants.accounts.models import Member
    from tenants.provisioning import create_tenant, drop_tenant
    from tests.support.client import PASSWORD

    with django_db_blocker.unblock():
        with use_shared():
            tenant = create_tenant(SLUG, "Hooli", [f"{SLUG}.localhost"])
        ref = tenant.ref
        with use_tenant(ref):
            for name in ("owner", "member"):
                member = Member.objects.create_user(name, PASSWORD, name=name)
                member.groups.add(Group.objects.get(name=name))
            install("assistant")
            seed(RUNS, member, Agent.objects.get(slug="assistant"))
        yield ref
        with use_shared():
            drop_tenant(tenant)


@pytest.fixture(scope="module")
def visitor(past: TenantRef) -> Iterator[Visitor]:
    env = {"CONSOLE_SEARCH_LATEST": str(SEARCHED)}
    with Server.started(
        env, kind="uvicorn", application="benchmarks.recording:application"
    ) as server:
        visitor = Visitor(server.port, SLUG)
        yield visitor
        visitor.close()


@pytest.fixture(scope="module")
def plans(
    past: TenantRef, visitor: Visitor, django_db_blocker: Any
) -> dict[str, tuple[bool, list[Explained]]]:
    """Of every list: whether it may count, and its statements as Postgres answered them."""
    from tenants.accounts.models import Member

    found: dict[str, tuple[bool, list[Explained]]] = {}
    with django_db_blocker.unblock(), use_tenant(past):
        for page in pages(known(Member.objects.get(username="member")), deep=RUNS // 100):
            answer, _ = visitor.get(page)
            assert answer.status_code == 200, f"{page.name}: {answer.status_code} {answer.text}"
            asked = [plan for sql in visitor.queries() if (plan := explained(sql))]
            found[f"{page.door}: {page.name}"] = (page.counts, asked)
    return found


def test_every_list_is_answered_by_indexes(plans: Any) -> None:
    # 600 sessions are few: to look for a word in a quarter of them, Postgres rightly reads all.
    words = {"console: sessions by a word", "web: sessions by a word"}
    whole = {
        name: [
            plan.sql
            for plan in asked
            if plan.reads_whole_tables - ({"agents_session"} if name in words else set())
            and not (may_count and plan.counts_everything)
        ]
        for name, (may_count, asked) in plans.items()
    }
    assert {name: found for name, found in whole.items() if found} == {}
    assert sum(len(asked) for _, asked in plans.values()) > 40  # they were looked at


def test_no_list_counts_unasked(plans: Any) -> None:
    counting = {
        name: [plan.sql for plan in asked if plan.counts_everything]
        for name, (may_count, asked) in plans.items()
        if not may_count
    }
    assert {name: found for name, found in counting.items() if found} == {}
    asked = plans["api: GET /runs, counted (own)"][1]
    assert any(plan.counts_everything for plan in asked)  # the check sees a count


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("console: runs", 60),
        ("console: runs over 10 min", 60),
        ("console: runs of old days", 60),
        ("console: run by id", 10),
        ("console: run by trace", 10),
        ("console: runs by no word", 2 * SEARCHED),
        ("api: GET /runs, far back (all)", 60),
        ("api: GET /runs, of a session (own)", 10),
        ("api: GET /sessions", 60),
        ("api: GET /sessions/{id}/messages", 20),
    ],
)
def test_a_list_reads_little_more_than_it_shows(plans: Any, name: str, most: int) -> None:
    _, asked = plans[name]
    assert asked
    rows = max(plan.rows for plan in asked)
    assert rows <= most, [(plan.rows, plan.scans, plan.sql) for plan in asked]


def test_a_whole_table_and_a_count_are_found(past: TenantRef, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), use_tenant(past):
        whole = explained("""SELECT "output" FROM "agents_run" WHERE "output"::text LIKE '%x%'""")
        counted = explained("""SELECT COUNT(*) FROM "agents_run" """)
    assert whole is not None and whole.reads_whole_tables == {"agents_run"}
    assert whole.rows == RUNS
    assert counted is not None and counted.counts_everything
