"""Who is next in the queue: fair between tenants, within limits, and cheap however long it is.

The statements run in a transaction that is rolled back: no live executor sees these tickets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from agents.runtime.claim_sql import CLAIM, CLAIM_ONE, SERIALISE
from agents.tickets.models import Ticket
from tenants.context import use_shared
from tenants.models import Tenant


@pytest.fixture
def queue(committed: None) -> Iterator[None]:
    with use_shared(), transaction.atomic():
        Ticket.objects.all().delete()
        try:
            yield
        finally:
            transaction.set_rollback(True)


def add(schema: str, number: int = 1, *, member: int = 1, held: bool = False, age: int = 0) -> None:
    """Tickets, `age` seconds old or more, each a little younger than the one before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.tickets_ticket (run_id, schema, kind, slug, member_id, owner,"
            " lease_until, not_before, created_at)"
            " SELECT gen_random_uuid(), %s, 'agent', 'a', %s, %s,"
            " now() + interval '1 min', now(), now() - make_interval(secs => %s - n / 1e6)"
            " FROM generate_series(1, %s) n",
            [schema, member, "other" if held else "", age, number],
        )


def claim(
    limit: int, *, after: str = "", tenant_limit: int = 0, member_limit: int = 0, explain: str = ""
) -> Any:
    values = {
        "owner": "me",
        "lease": 15,
        "limit": limit,
        "after": after,
        "lock": 1,
        "tenant_limit": tenant_limit,
        "member_limit": member_limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(SERIALISE, values)
        cursor.execute(explain + CLAIM, values)
        rows = cursor.fetchall()
    if explain:
        return json.loads(rows[0][0]) if isinstance(rows[0][0], str) else rows[0][0]
    return [(row[1], row[2]) for row in rows if row[1] is not None]


def schemas(rows: list[tuple[UUID, str]]) -> list[str]:
    return [schema for _, schema in rows]


def end(rows: list[tuple[UUID, str]]) -> None:
    Ticket.objects.filter(pk__in=[run for run, _ in rows]).delete()


@pytest.mark.parametrize("after", ["", "acme", "globex"])
@pytest.mark.parametrize("held", [0, 20])
def test_ten_thousand_queued_runs_delay_another_tenants_by_one_slot_at_most(
    queue: None, after: str, held: int
) -> None:
    add("acme", 10_000, age=3600)
    add("acme", held, held=True)
    add("globex")
    first = claim(1, after=after)
    second = claim(1, after=schemas(first)[0])
    assert "globex" in schemas(first + second)


def test_one_slot_goes_round_the_tenants_that_wait(queue: None) -> None:
    add("acme", 50, age=3600)
    add("globex", 50)
    served, after = [], ""
    for _ in range(6):
        rows = claim(1, after=after)
        (after,) = schemas(rows)
        served.append(after)
        end(rows)
    assert served == ["acme", "globex"] * 3


def test_who_holds_less_is_next_until_both_hold_the_same(queue: None) -> None:
    add("acme", 4, held=True)
    add("acme", 100, age=3600)
    add("globex", 100)
    assert schemas(claim(4, after="globex")) == ["globex"] * 4
    assert sorted(schemas(claim(4))) == ["acme", "acme", "globex", "globex"]


def test_within_a_tenant_the_oldest_of_the_highest_priority_is_next(queue: None) -> None:
    add("acme", 3, age=100)
    order = list(Ticket.objects.order_by("created_at").values_list("pk", flat=True))
    Ticket.objects.filter(pk=order[2]).update(priority=1)
    assert [run for run, _ in claim(3)] == [order[2], order[0], order[1]]


def test_a_tenants_limit_counts_what_is_held_everywhere(queue: None) -> None:
    add("acme", 2, held=True)
    add("acme", 10)
    add("globex", 10)
    assert schemas(claim(50, tenant_limit=3)).count("acme") == 1
    assert claim(50, tenant_limit=3) == []
    Tenant.objects.filter(schema_name="acme").update(max_concurrent_runs=5)
    assert schemas(claim(50, tenant_limit=3)) == ["acme"] * 2
    Tenant.objects.filter(schema_name="globex").update(max_concurrent_runs=0)  # none at all
    assert schemas(claim(50, tenant_limit=3)) == ["globex"] * 7


def test_a_member_at_their_limit_does_not_block_the_others(queue: None) -> None:
    add("acme", 500, member=1, age=3600)
    add("acme", 3, member=2)
    add("acme", 1, member=3, held=True)
    add("acme", 3, member=3)
    add("globex", 3, member=1)
    got = claim(50, member_limit=2)
    members = Ticket.objects.filter(owner="me", schema="acme").values_list("member_id", flat=True)
    assert sorted(members) == [1, 1, 2, 2, 3]
    assert schemas(got).count("globex") == 2
    assert claim(50, member_limit=2) == []


def test_both_limits_hold_together(queue: None) -> None:
    for member in range(1, 30):
        add("acme", 5, member=member)
    claim(50, tenant_limit=7, member_limit=2)
    members = list(Ticket.objects.filter(owner="me").values_list("member_id", flat=True))
    assert len(members) == 7 and max(map(members.count, members)) <= 2


def test_members_beyond_those_looked_at_get_their_turn(queue: None) -> None:
    for member in range(1, 41):
        add("acme", 5, member=member)
    served = set()
    for _ in range(200):
        rows = claim(1, member_limit=1)
        served |= set(Ticket.objects.filter(owner="me").values_list("member_id", flat=True))
        end(rows)
        add("acme", 1, member=1)
        if len(served) == 40:
            break
    assert len(served) > 30  # from a random one on, each time


def test_a_suspended_tenants_queue_and_what_is_not_due_are_passed_over(queue: None) -> None:
    add("acme", 5)
    add("globex", 5)
    Tenant.objects.filter(schema_name="acme").update(state=Tenant.State.SUSPENDED)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE public.tickets_ticket SET not_before = now() + interval '1 h'"
            " WHERE run_id IN (SELECT run_id FROM public.tickets_ticket"
            " WHERE schema = 'globex' LIMIT 2)"
        )
    assert schemas(claim(50)) == ["globex"] * 3


def test_one_run_is_taken_past_every_limit_unless_it_is_held(queue: None) -> None:
    add("acme", 1)
    add("acme", 1, held=True)
    for ticket in Ticket.objects.all():
        values = {"run_id": ticket.pk, "owner": "me", "lease": 15}
        with connection.cursor() as cursor:
            cursor.execute(CLAIM_ONE, values)
            assert (cursor.fetchone() is None) == bool(ticket.owner)
            cursor.execute(CLAIM_ONE, {**values, "run_id": uuid4()})
            assert cursor.fetchone() is None


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.mark.parametrize("member_limit", [0, 3])
def test_a_long_queue_is_neither_read_nor_sorted(queue: None, member_limit: int) -> None:
    for member in range(1, 6):
        add("acme", 2_000, member=member, age=3600)
    add("globex", 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public.tickets_ticket")
    (explained,) = claim(10, member_limit=member_limit, explain="EXPLAIN (ANALYZE, FORMAT JSON) ")
    on_tickets = [
        node
        for node in nodes(explained["Plan"])
        if node.get("Relation Name") == "tickets_ticket" and node["Node Type"] != "ModifyTable"
    ]
    assert on_tickets
    for node in on_tickets:
        assert node["Node Type"] != "Seq Scan" or node["Actual Loops"] == 0, node
    read = max(node["Actual Rows"] * node["Actual Loops"] for node in nodes(explained["Plan"]))
    assert read < 200
