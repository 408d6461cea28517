"""Limits of runs are exact, whichever of two server processes the starts arrive at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.ids import uuid7
from agents.models import Run
from agents.tickets.models import Ticket
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tests.limits.conftest import limit_members, limit_tenant, ref
from tests.limits.test_refusals import early_in_a_minute
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

# Neither holds a run: what is started stays live. Limits are remembered, and told of by notice.
WAITING = {"EXECUTOR_CAPACITY": "0", "LIMITS_CACHE_SECONDS": "600"}


@pytest.fixture(scope="module")
def servers(database: None) -> Iterator[tuple[Server, Server]]:
    with Server.started(WAITING) as one, Server.started(WAITING) as two:
        yield one, two
        for server in (one, two):
            said = server.log.read_text()
            assert "Traceback" not in said, said[-4000:]


@pytest.fixture
def clients(limits: None, servers: tuple[Server, Server]) -> Iterator[Callable[..., list[Api]]]:
    yield lambda tenant, who="member": [Api.signed_in(one, tenant, who) for one in servers]
    with use_shared():
        waiting = list(Ticket.objects.values_list("schema", "run_id"))
        Ticket.objects.all().delete()
        Tenant.objects.update(max_concurrent_runs=None)
    for schema, run_id in waiting:
        with use_tenant(ref(schema)):
            Run.objects.filter(pk=run_id).delete()


@pytest.fixture
def nobody_claims(limits: None) -> None:
    """No executor takes a run of globex: its one place is taken, for ever as tests go.

    The suite's own server has an executor on this database, and a run that it took would end.
    """
    with use_shared():
        Tenant.objects.filter(schema_name="globex").update(max_concurrent_runs=1)
        Ticket.objects.create(
            run_id=uuid7(),
            schema="globex",
            slug="elsewhere",
            member_id=0,
            owner="elsewhere",
            fence=1,
            lease_until=timezone.now() + timedelta(hours=1),
        )


def together(clients: list[Api], start: Callable[..., Any], number: int) -> Counter[Any]:
    """Answers to so many starts at once, over all clients, by status and code."""

    def one(index: int) -> Any:
        answer = start(clients[index % len(clients)])
        problem = answer.json().get("type", "")
        return problem.rpartition(":")[2] or answer.status_code

    with ThreadPoolExecutor(8) as threads:
        return Counter(threads.map(one, range(number)))


def test_the_last_place_of_a_minute_is_taken_once(
    clients: Callable[..., list[Api]], start: Callable[..., Any]
) -> None:
    limit_tenant("acme", runs_per_minute=7)
    both = clients("acme") + clients("acme", "builder")
    globex = clients("globex")
    early_in_a_minute()
    assert together(both, start, 24) == {202: 7, "limit_runs_minute": 17}
    assert together(globex, start, 4) == {202: 4}


@pytest.mark.parametrize("of", ["tenant", "member"])
def test_the_last_place_of_live_runs_is_taken_once_and_free_again_when_one_ends(
    clients: Callable[..., list[Api]], start: Callable[..., Any], nobody_claims: None, of: str
) -> None:
    both = clients("globex")
    # The run elsewhere is one of the tenant's, and not this member's.
    live = 6 if of == "tenant" else 5
    (limit_tenant if of == "tenant" else limit_members)("globex", live_runs=live)
    assert together(both, start, 20) == {202: 5, "limit_live_runs": 15}
    refused = start(both[0])
    assert refused.status_code == 429 and refused.headers["retry-after"] == "5"
    assert refused.json()["of"] == of and refused.json()["resets_at"] is None
    assert together(clients("acme"), start, 2) == {202: 2}
    with use_shared():
        theirs = Ticket.objects.filter(schema="globex").exclude(owner="elsewhere")
        run_id = theirs.values_list("run_id", flat=True).first()
    assert both[1].post(f"/runs/{run_id}/cancel").status_code == 200
    until(lambda: not Ticket.objects.filter(pk=run_id).exists())
    assert together(both, start, 4) == {202: 1, "limit_live_runs": 3}


def test_a_start_sent_to_both_at_once_is_one_run_and_counted_once(
    clients: Callable[..., list[Api]], start: Callable[..., Any]
) -> None:
    limit_members("acme", "member", runs_per_minute=2)
    both = clients("acme")
    early_in_a_minute()

    def one(index: int) -> Any:
        return start(both[index % 2], key="sent-to-both").json().get("id")

    with ThreadPoolExecutor(8) as threads:
        (run_id,) = set(threads.map(one, range(8)))
    assert run_id
    assert [start(both[0]).status_code, start(both[1]).status_code] == [202, 429]


def test_a_changed_limit_holds_at_once_in_both(
    clients: Callable[..., list[Api]], start: Callable[..., Any]
) -> None:
    both = clients("acme")
    assert together(both, start, 4) == {202: 4}  # both remember that there is none
    limit_members("acme", live_runs=1)
    for client in both:
        until(lambda client=client: start(client).status_code, lambda status: status == 429)
    limit_members("acme", live_runs=None)
    for client in both:
        until(lambda client=client: start(client).status_code, lambda status: status == 202)
