"""A suspended tenant serves nobody within seconds, in every process, and goes on when resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agents.tickets.models import Ticket
from tenants.context import use_shared
from tenants.lifecycle import resume_tenant, suspend_tenant
from tenants.models import Tenant
from tests.support.client import PASSWORD, Api
from tests.support.server import Server
from tests.support.waiting import until
from tests.tenancy.sockets import opened

SECONDS = 30.0  # "within seconds", on a very busy machine; without a notice, ten minutes
# What is remembered is remembered long: only a notice makes it forgotten.
REMEMBERING = {
    "TENANT_CACHE_SECONDS": "600",
    "PRINCIPAL_CACHE_SECONDS": "600",
    "DEMO_MODEL_FIRST_DELAY": "1",
    "DEMO_MODEL_DELAY": "1",
}
ASK = {"input": "What is 17*23?"}


@pytest.fixture(scope="module")
def servers(database: None) -> Iterator[list[Server]]:
    """Two processes: one of each kind of server."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Server.started(REMEMBERING, kind=kind))
            for kind in ("daphne", "uvicorn")
        ]


@pytest.fixture
def globex(committed: None) -> Iterator[None]:
    yield
    with use_shared():
        if Tenant.objects.get(schema_name="globex").state == Tenant.State.SUSPENDED:
            resume_tenant("globex")


def is_suspended(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["type"].endswith(":tenant_suspended")


def test_new_requests_are_refused_with_a_reason(servers: list[Server], globex: None) -> None:
    theirs = [Api.signed_in(server, "globex", "member") for server in servers]
    ours = [Api.signed_in(server, "acme", "member") for server in servers]
    assert all(client.get("/me").status_code == 200 for client in (*theirs, *ours))
    suspend_tenant("globex")
    for client, server in zip(theirs, servers, strict=True):
        until(lambda client=client: client.get("/me"), is_suspended, seconds=SECONDS)
        credentials = {"username": "member", "password": PASSWORD}
        assert is_suspended(client.post("/auth/token", json=credentials))
        with pytest.raises((InvalidStatus, ConnectionClosed)), opened(server, "globex") as socket:
            socket.recv(timeout=60)
    assert all(client.get("/me").status_code == 200 for client in ours)
    resume_tenant("globex")
    for client in theirs:
        until(lambda client=client: client.get("/me").status_code, lambda code: code == 200)


def test_a_browser_gets_a_page_that_needs_nothing_else(servers: list[Server], globex: None) -> None:
    suspend_tenant("globex")
    for server in servers:
        page = until(lambda server=server: browse(server, "globex"), lambda p: p.status_code == 403)
        assert page.headers["content-type"].startswith("text/html")
        assert "This workplace is paused" in page.text and "<link" not in page.text
        assert browse(server, "nobody").status_code == 404
        assert "Nobody is at home" in browse(server, "nobody").text
        assert browse(server, "acme").status_code == 200


def browse(server: Server, tenant: str) -> httpx.Response:
    return httpx.get(
        f"http://127.0.0.1:{server.port}/sign-in/",
        headers={"Host": f"{tenant}.localhost:{server.port}", "Accept": "text/html,*/*"},
        follow_redirects=True,
    )


def test_open_streams_end_and_are_followed_on_after_the_return(
    servers: list[Server], globex: None
) -> None:
    """One stream of the run's own process, one of another."""
    first, second = (Api.signed_in(server, "globex", "member") for server in servers)
    other = Api.signed_in(servers[0], "acme", "member")
    undisturbed = other.post("/agents/assistant/runs", json={**ASK, "background": True}).json()
    run = first.post("/agents/assistant/runs", json={**ASK, "background": True}).json()
    path = f"/runs/{run['id']}/events"
    with first.stream("GET", path) as own, second.stream("GET", path) as foreign:
        started = [next(own), next(foreign)]
        suspend_tenant("globex")
        begun = time.monotonic()
        seen = [[start, *rest] for start, rest in zip(started, (own, foreign), strict=True)]
        assert time.monotonic() - begun < SECONDS
    ends = {"run.completed", "run.failed", "run.cancelled"}
    assert not ends & {event["type"] for events in seen for event in events}
    until(lambda: Ticket.objects.get(run_id=run["id"]).owner, lambda owner: owner == "")

    resume_tenant("globex")
    until(lambda: first.get("/me").status_code, lambda code: code == 200)
    after = {"Last-Event-ID": seen[0][-1]["id"]}
    with first.stream("GET", path, headers=after) as rest:
        assert list(rest)[-1]["type"] == "run.completed"
    until(
        lambda: other.get(f"/runs/{undisturbed['id']}").json()["status"],
        lambda status: status == "completed",
        seconds=60,
    )


def test_who_waits_for_an_answer_is_told(servers: list[Server], globex: None) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = Api.signed_in(servers[0], "globex", "member")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(client.post, "/agents/assistant/runs", json=ASK)
        until(lambda: Ticket.objects.filter(schema="globex").exists())
        suspend_tenant("globex")
        assert is_suspended(answer.result(SECONDS))


def test_open_sockets_are_closed_with_a_reason(servers: list[Server], globex: None) -> None:
    clients = [Api.signed_in(server, "globex", "member") for server in servers]
    with ExitStack() as stack:
        sockets: list[Any] = []
        for server, client in zip(servers, clients, strict=True):
            socket = stack.enter_context(opened(server, "globex"))
            socket.send(f'{{"action": "authenticate", "token": "{client.token}"}}')
            assert '"ack"' in str(socket.recv(timeout=60))
            sockets.append(socket)
        ours = stack.enter_context(opened(servers[0], "acme"))
        suspend_tenant("globex")
        for socket in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    socket.recv(timeout=SECONDS)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403
        assert closed.value.rcvd.reason == "tenant_suspended"  # daphne sends codes alone
        ours.send('{"action": "nothing"}')
        assert "unknown_action" in str(ours.recv(timeout=60))


def test_waiting_runs_go_on_at_once_when_the_tenant_is_resumed(globex: None) -> None:
    suspend_tenant("globex")
    with use_shared():
        put_off = Ticket.objects.create(
            run_id="01890000-0000-7000-8000-000000000001",
            schema="globex",
            slug="assistant",
            member_id=1,
            not_before="2999-01-01T00:00Z",
            owner="",
        )
        resume_tenant("globex")
        left = Ticket.objects.filter(pk=put_off.pk).values_list("not_before", flat=True).first()
        Ticket.objects.filter(pk=put_off.pk).delete()
    assert left is None or left.year < 2999
