"""Executors in other processes: runs queued by a web process, followed, cancelled, handed over."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import websockets

from tests.support.client import Api, text_of
from tests.support.fleet import ExecutorProcess, FleetDatabase, executors
from tests.support.ports import free_port
from tests.support.server import Server

HOLDS_NONE = {"EXECUTOR_CAPACITY": "0", "STREAM_HEARTBEAT_SECONDS": "2"}
SLOW = {"DEMO_MODEL_FIRST_DELAY": "0.2", "DEMO_MODEL_DELAY": "0.15"}
# What is claimed within these is claimed because somebody said so.
NO_POLL = {"EXECUTOR_POLL_SECONDS": "600", "FOLLOW_POLL_SECONDS": "600"}
TOLD = {**SLOW, **NO_POLL, "LEASE_RENEW_SECONDS": "600", "LEASE_SECONDS": "900"}


@pytest.fixture(scope="module", params=["notify", "redis"])
def bus(
    request: pytest.FixtureRequest, fleet: FleetDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """The environment of processes that talk over Postgres, or over Redis."""
    if request.param == "notify":
        yield fleet.env
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
        yield {**fleet.env, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    finally:
        redis.terminate()
        redis.wait()


@pytest.fixture(scope="module")
def web(bus: dict[str, str]) -> Iterator[Server]:
    """A web process that holds no run, and hears of nothing but by being told."""
    with Server.started({**HOLDS_NONE, **NO_POLL, **bus}) as server:
        yield server


@pytest.fixture(scope="module")
def carrier(web: Server, bus: dict[str, str]) -> Iterator[ExecutorProcess]:
    with executors(1, {**TOLD, **bus}) as (one,):
        yield one


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_stream_brings_the_tokens_of_a_run_held_elsewhere(
    fleet: FleetDatabase, web: Server, carrier: ExecutorProcess, tenant: str
) -> None:
    client = Api.signed_in(web, tenant, "member")
    ask = {"input": "What is 17*23?", "stream": True}
    owners, seen = set(), []
    with client.stream("POST", "/agents/assistant/runs", json=ask) as stream:
        for event in stream:
            seen.append(event)
            if event["type"] == "message.delta":
                owners.add(fleet.owner_of(event["run_id"]))
    assert carrier.owner in owners
    kinds = [event["type"] for event in seen]
    assert kinds[0] == "run.started" and kinds[-1] == "run.completed"
    assert kinds.count("message.delta") > 3  # as they come, not in one piece from the journal
    assert text_of(seen) == seen[-1]["output"]
    ids = [tuple(map(int, event["id"].split("."))) for event in seen]
    assert ids == sorted(set(ids))


def test_a_background_run_is_followed_from_where_a_client_was(
    fleet: FleetDatabase, web: Server, carrier: ExecutorProcess
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
    fleet: FleetDatabase, web: Server, carrier: ExecutorProcess
) -> None:
    run = Api.signed_in(web, "globex", "member").run("What is 17*23?")
    assert run["status"] == "completed" and "391" in run["output"]


async def test_a_socket_hears_a_run_held_elsewhere(
    fleet: FleetDatabase, web: Server, carrier: ExecutorProcess
) -> None:
    token = Api.signed_in(web, "acme", "member").token
    url = f"ws://127.0.0.1:{web.port}/ws/runs/"
    door = {"X-Tenant": "acme"}
    async with (
        asyncio.timeout(60),
        websockets.connect(url, additional_headers=door, proxy=None, open_timeout=60) as socket,
    ):
        await socket.send(orjson.dumps({"action": "authenticate", "token": token}).decode())
        start = {"action": "start", "slug": "assistant", "input": "What is 17*23?"}
        await socket.send(orjson.dumps(start).decode())
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["type"] != "run.completed":
            seen.append(orjson.loads(await socket.recv()))
            assert seen[-1]["type"] != "error", seen[-1]
    assert text_of(seen) == seen[-1]["output"]


def test_a_cancel_reaches_the_process_that_holds_the_run(
    fleet: FleetDatabase, web: Server, carrier: ExecutorProcess
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


def test_a_run_that_nobody_holds_is_cancelled_at_once(web: Server) -> None:
    client = Api.signed_in(web, "acme", "member")
    run_id = client.post(
        "/agents/assistant/runs", json={"input": "Hello", "background": True}
    ).json()["id"]
    cancelled = client.post(f"/runs/{run_id}/cancel").json()
    assert cancelled["status"] in ("cancelled", "completed")
