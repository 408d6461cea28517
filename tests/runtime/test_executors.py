"""Executors in other processes: runs queued by a web process, followed, cancelled, handed over."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import websockets

from agents.tickets.models import Executor, Ticket
from tenants.context import use_shared
from tests.support.client import Api, text_of
from tests.support.fleet import ExecutorProcess, executors
from tests.support.server import Server, free_port
from tests.support.waiting import until

# The tests' own server must not be the one that claims: it is not started here, and looks seldom.
HOLDS_NONE = {"EXECUTOR_CAPACITY": "0", "STREAM_HEARTBEAT_SECONDS": "2"}
SLOW = {"DEMO_MODEL_FIRST_DELAY": "0.2", "DEMO_MODEL_DELAY": "0.15"}
# What is claimed within these is claimed because somebody said so.
NO_POLL = {"EXECUTOR_POLL_SECONDS": "600", "FOLLOW_POLL_SECONDS": "600"}
TOLD = {**SLOW, **NO_POLL, "LEASE_RENEW_SECONDS": "600", "LEASE_SECONDS": "900"}


@pytest.fixture(scope="module", params=["notify", "redis"])
def bus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The environment of processes that talk over Postgres, or over Redis."""
    if request.param == "notify":
        yield {}
        return
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server here")
    port = free_port()
    redis = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=tmp_path_factory.mktemp("redis"),
        stdout=subprocess.DEVNULL,
    )
    try:
        yield {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    finally:
        redis.terminate()
        redis.wait()


@pytest.fixture(scope="module")
def web(database: None, bus: dict[str, str]) -> Iterator[Server]:
    """A web process that holds no run, and hears of nothing but by being told."""
    with Server.started({**HOLDS_NONE, **NO_POLL, **bus}) as server:
        yield server


@pytest.fixture(scope="module")
def carrier(web: Server, bus: dict[str, str]) -> Iterator[ExecutorProcess]:
    with executors(1, {**TOLD, **bus}) as (one,):
        yield one


def owner_of(run_id: str) -> str:
    with use_shared():
        return str(Ticket.objects.values_list("owner", flat=True).filter(run_id=run_id).first())


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_stream_brings_the_tokens_of_a_run_held_elsewhere(
    committed: None, web: Server, carrier: ExecutorProcess, tenant: str
) -> None:
    client = Api.signed_in(web, tenant, "member")
    ask = {"input": "Hello, who are you?", "stream": True}
    owners, seen = set(), []
    with client.stream("POST", "/agents/assistant/runs", json=ask) as stream:
        for event in stream:
            seen.append(event)
            if event["type"] == "message.delta":
                owners.add(owner_of(event["run_id"]))
    assert carrier.owner in owners
    kinds = [event["type"] for event in seen]
    assert kinds[0] == "run.started" and kinds[-1] == "run.completed"
    assert kinds.count("message.delta") > 3  # as they come, not in one piece from the journal
    assert text_of(seen) == seen[-1]["output"]
    ids = [tuple(map(int, event["id"].split("."))) for event in seen]
    assert ids == sorted(set(ids))


def test_a_background_run_is_followed_from_where_a_client_was(
    committed: None, web: Server, carrier: ExecutorProcess
) -> None:
    client = Api.signed_in(web, "acme", "member")
    answer = client.post(
        "/agents/assistant/runs", json={"input": "What is 17*23?", "background": True}
    )
    assert answer.status_code == 202
    run_id = answer.json()["id"]
    before: list[dict[str, Any]] = []
    with client.stream("GET", f"/runs/{run_id}/events") as stream:
        for event in stream:
            before.append(event)
            if event["type"] == "message.delta" and len(before) > 4:
                break
    last = {"Last-Event-ID": before[-1]["id"]}
    with client.stream("GET", f"/runs/{run_id}/events", headers=last) as stream:
        rest = list(stream)
    assert text_of(before + rest) == rest[-1]["output"] and "391" in rest[-1]["output"]
    types = [event["type"] for event in before + rest]
    assert types.count("tool.started") == types.count("tool.completed") == 1
    other = Api.signed_in(web, "globex", "member")
    assert other.get(f"/runs/{run_id}/events").status_code == 404


def test_an_answer_is_waited_for_without_a_stream(
    committed: None, web: Server, carrier: ExecutorProcess
) -> None:
    run = Api.signed_in(web, "globex", "member").run("What is 17*23?")
    assert run["status"] == "completed" and "391" in run["output"]


async def test_a_socket_hears_a_run_held_elsewhere(
    committed: None, web: Server, carrier: ExecutorProcess
) -> None:
    token = Api.signed_in(web, "acme", "member").token
    url = f"ws://127.0.0.1:{web.port}/ws/runs/"
    door = {"X-Tenant": "acme"}
    async with (
        asyncio.timeout(60),
        websockets.connect(url, additional_headers=door, proxy=None) as socket,
    ):
        await socket.send(orjson.dumps({"action": "authenticate", "token": token}).decode())
        start = {"action": "start", "slug": "assistant", "input": "Who are you?"}
        await socket.send(orjson.dumps(start).decode())
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["type"] != "run.completed":
            seen.append(orjson.loads(await socket.recv()))
            assert seen[-1]["type"] != "error", seen[-1]
    assert text_of(seen) == seen[-1]["output"]


def test_a_cancel_reaches_the_process_that_holds_the_run(
    committed: None, web: Server, carrier: ExecutorProcess
) -> None:
    client = Api.signed_in(web, "acme", "member")
    ask = {"input": "Tell me all you can do", "stream": True}
    seen: list[dict[str, Any]] = []
    with client.stream("POST", "/agents/assistant/runs", json=ask) as stream:
        for event in stream:
            seen.append(event)
            if event["type"] == "message.delta":
                break
        cancelled = client.post(f"/runs/{seen[0]['run_id']}/cancel").json()
        seen += list(stream)
    assert cancelled["status"] == "cancelled"
    assert seen[-1]["type"] == "run.cancelled"


def test_a_run_that_nobody_holds_is_cancelled_at_once(committed: None, web: Server) -> None:
    client = Api.signed_in(web, "acme", "member")
    run_id = client.post(
        "/agents/assistant/runs", json={"input": "Hello", "background": True}
    ).json()["id"]
    cancelled = client.post(f"/runs/{run_id}/cancel").json()
    assert cancelled["status"] in ("cancelled", "completed")


def test_a_drained_executor_hands_its_runs_over_between_two_steps(
    committed: None, web: Server, bus: dict[str, str]
) -> None:
    slow = {**TOLD, **bus, "DEMO_MODEL_FIRST_DELAY": "1", "DEMO_MODEL_DELAY": "0.2"}
    clients = [Api.signed_in(web, tenant, "member") for tenant in ("acme", "globex")]
    with contextlib.ExitStack() as stack:
        (first,) = stack.enter_context(executors(1, slow, "--capacity", "10"))
        runs = {}
        for client in clients:
            started = client.post(
                "/agents/assistant/runs",
                json={"input": f"Create a note saying drained {client.tenant}", "background": True},
            ).json()
            runs[client] = started["id"]
        # Whichever executor is listening may have one: the first is drained when it has some.
        held = [run for run in runs.values() if until(lambda run=run: owner_of(run)) == first.owner]
        (second,) = stack.enter_context(executors(1, {**slow, **NO_POLL}, "--capacity", "10"))
        assert first.stop() == 0
        said = first.log.read_text()
        assert "Traceback" not in said, said
        with use_shared():
            assert not Executor.objects.filter(owner=first.owner).exists()
        for client, run_id in runs.items():
            run = until(
                lambda client=client, run_id=run_id: client.get(f"/runs/{run_id}").json(),
                lambda run: run["finished_at"],
                seconds=60,
            )
            assert run["status"] == "completed", run
            steps = client.get(f"/runs/{run_id}/steps").json()["items"]
            assert [step["attempt"] for step in steps] == [1, 1, 1]  # no step was begun twice
        assert held, "the drained executor held none of the runs"
        assert second.stop() == 0
