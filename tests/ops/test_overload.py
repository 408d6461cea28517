"""Asked for more than it can do, a server says so quickly, and what runs goes on."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from typing import Any

import httpx
import pytest
import websockets

from config.errors import TooManyRequests, Unavailable
from config.load import Load, LoopLag
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

CAPACITY, QUEUE, STARTS = 20, 40, 200
LIMITS = httpx.Limits(max_connections=300)


async def streamed(http: httpx.AsyncClient, last: list[str], begun: asyncio.Semaphore) -> None:
    body = {"input": "Tell me a long story about rivers.", "stream": True}
    async with http.stream("POST", "/agents/assistant/runs", json=body) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                last.append(line[7:])
                if line == "event: run.started":
                    begun.release()


async def started(http: httpx.AsyncClient, n: int) -> tuple[httpx.Response, float]:
    at = time.perf_counter()
    body = {"input": f"What is {n}+1?", "background": True}
    answer = await http.post("/agents/assistant/runs", json=body)
    return answer, time.perf_counter() - at


def clients(server: Server) -> list[dict[str, Any]]:
    found = []
    for tenant in ("acme", "globex"):
        api = Api.signed_in(server, tenant, "member")
        found.append({"X-Tenant": tenant, "Authorization": f"Bearer {api.token}"})
    return found


async def test_beyond_capacity_and_queue_starts_are_refused_and_streams_finish(
    database: None,
) -> None:
    env = {
        "EXECUTOR_CAPACITY": str(CAPACITY),
        "QUEUE_MAX": str(QUEUE),
        "EXECUTOR_POLL_SECONDS": "0.5",
        "TENANT_CACHE_SECONDS": "5",
        "PRINCIPAL_CACHE_SECONDS": "5",
        # Not what is tried here, and the machine may be a busy one.
        "LOOP_LAG_MAX_MS": "0",
        "START_DATABASE_SECONDS": "20",
        "DEMO_MODEL_FIRST_DELAY": "1",
        "DEMO_MODEL_DELAY": "0.08",
    }
    with Server.started(env) as server:
        base = f"http://127.0.0.1:{server.port}/api/v1"
        headers = await asyncio.to_thread(clients, server)
        usual: Any = {"base_url": base, "limits": LIMITS, "timeout": 60}
        async with (
            httpx.AsyncClient(headers=headers[0], **usual) as acme,
            httpx.AsyncClient(headers=headers[1], **usual) as other,
        ):
            begun = asyncio.Semaphore(0)
            seen: list[list[str]] = [[] for _ in range(CAPACITY)]
            streams = [
                asyncio.create_task(streamed((acme, other)[n % 2], seen[n], begun))
                for n in range(CAPACITY)
            ]
            for _ in range(CAPACITY):
                await begun.acquire()
            answers = await asyncio.gather(
                *(started((acme, other)[n % 2], n) for n in range(STARTS))
            )
            statuses = Counter(answer.status_code for answer, _ in answers)
            assert set(statuses) == {202, 429}, statuses
            page = (await acme.get(f"http://127.0.0.1:{server.port}/metrics")).text
            held = re.search(r"^concord_executor_runs (\d+)", page, re.MULTILINE)
            assert held is not None and int(held[1]) <= CAPACITY
            assert statuses[429] >= STARTS // 2
            refused = sorted(seconds for answer, seconds in answers if answer.status_code == 429)
            print(f"refused {len(refused)}: median {refused[len(refused) // 2] * 1000:.0f} ms")
            for answer, _ in answers:
                if answer.status_code == 429:
                    assert answer.json()["type"].endswith(":overloaded")
                    assert int(answer.headers["retry-after"]) > 0
            await asyncio.gather(*streams)
            assert {tuple(events)[-1] for events in seen} == {"run.completed"}
            for client, answer in [
                ((acme, other)[n % 2], answer)
                for n, (answer, _) in enumerate(answers)
                if answer.status_code == 202
            ]:
                run = answer.json()
                while not run["finished_at"]:
                    await asyncio.sleep(0.1)
                    run = (await client.get(f"/runs/{run['id']}")).json()
                assert run["status"] == "completed"
            told = (await acme.get(f"http://127.0.0.1:{server.port}/metrics")).text
            count = 'concord_overload_refusals_total{reason="queue"}'
            assert f"{count} {float(len(refused))}\n" in told
        log = server.log.read_text()
        assert "Traceback" not in log and " ERROR " not in log, log[-3000:]


def test_more_streams_than_the_limit_are_refused_before_anything_begins(database: None) -> None:
    slow = {"STREAMS_MAX": "2", "DEMO_MODEL_FIRST_DELAY": "5"}
    with Server.started(slow) as server:
        acme = Api.signed_in(server, "acme", "member")
        globex = Api.signed_in(server, "globex", "member")
        body = {"input": "Tell me about rivers.", "stream": True}
        with (
            acme.stream("POST", "/agents/assistant/runs", json=body) as first,
            globex.stream("POST", "/agents/assistant/runs", json=body) as second,
        ):
            run = next(first)["run_id"]
            next(second)
            before = acme.get("/runs?count=true").json()["count"]
            for answer in (
                acme.post("/agents/assistant/runs", json=body),
                acme.post("/agents/assistant/runs", json={"input": "Hello"}),
                acme.get(f"/runs/{run}/events"),
            ):
                assert answer.status_code == 503
                assert answer.json()["type"].endswith(":too_many_streams")
                assert int(answer.headers["retry-after"]) > 0
            assert acme.get("/runs?count=true").json()["count"] == before
            # Who needs no stream is served.
            background = {"input": "Hello", "background": True}
            assert acme.post("/agents/assistant/runs", json=background).status_code == 202
        until(lambda: acme.get(f"/runs/{run}/events").status_code, lambda status: status == 200)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_more_sockets_than_the_limit_are_told_to_come_later(
    database: None, kind: str
) -> None:
    with Server.started({"SOCKETS_MAX": "1"}, kind=kind) as server:
        url = f"ws://127.0.0.1:{server.port}/ws/runs/"
        how: dict[str, Any] = {"additional_headers": {"X-Tenant": "acme"}, "open_timeout": 60}
        async with websockets.connect(url, **how) as kept:
            if kind == "uvicorn":
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(url, **how)
                assert refused.value.response.status_code == 503
                assert refused.value.response.headers["retry-after"] == "10"
            else:
                async with websockets.connect(url, **how) as turned_away:
                    with pytest.raises(websockets.ConnectionClosed):
                        await turned_away.recv()
                    assert turned_away.close_code == 4503
            await kept.send(json.dumps({"action": "follow", "run_id": "x"}))
            assert json.loads(await kept.recv())["type"] == "error"


def test_a_loop_that_lags_for_a_while_refuses_starts_and_one_pause_does_not(settings: Any) -> None:
    settings.LOOP_LAG_MAX_MS, settings.LOOP_LAG_SECONDS = 100, 3.0
    load = Load()
    at = 100.0
    for _ in range(30):
        at += 0.1
        load.lag.seen(at, 0.001)
    load.lag.seen(at + 0.5, 1.0)
    load.check_start("acme", queues=False, database_waiting=0)
    assert load.state() == "ready"
    for _ in range(20):
        at += 0.3
        load.lag.seen(at, 0.2)
    assert load.state() == "overloaded"
    with pytest.raises(Unavailable) as refused:
        load.check_start("acme", queues=False, database_waiting=0)
    assert refused.value.code == "overloaded" and refused.value.headers["Retry-After"]
    settings.LOOP_LAG_MAX_MS = 0
    load.check_start("acme", queues=False, database_waiting=0)


def test_one_tenants_full_queue_is_not_anothers(settings: Any) -> None:
    settings.QUEUE_MAX, settings.QUEUE_MAX_PER_TENANT = 10, 3
    load = Load()
    load.queue.found({"acme": 2}, 1.0)
    load.check_start("acme", queues=True, database_waiting=0)
    load.queue.add("acme")
    with pytest.raises(TooManyRequests) as refused:
        load.check_start("acme", queues=True, database_waiting=0)
    assert refused.value.code == "overloaded"
    load.check_start("globex", queues=True, database_waiting=0)
    load.check_start("acme", queues=False, database_waiting=0)
    load.queue.found({"acme": 0, "globex": 10}, 1.0)
    with pytest.raises(TooManyRequests):
        load.check_start("acme", queues=True, database_waiting=0)
    load.queue.found({}, 0.0)
    load.check_start("acme", queues=True, database_waiting=0)


def test_a_start_does_not_join_a_long_wait_for_connections(settings: Any) -> None:
    load = Load()
    load.check_start("acme", queues=False, database_waiting=settings.START_DATABASE_WAITING)
    with pytest.raises(Unavailable):
        load.check_start("acme", queues=False, database_waiting=settings.START_DATABASE_WAITING + 1)


async def test_the_lag_of_a_blocked_loop_is_seen(settings: Any) -> None:
    settings.LOOP_LAG_SECONDS = 30.0
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    asyncio.get_running_loop().call_later(0.02, time.sleep, 0.4)  # blocks it, as a bug would
    async with asyncio.timeout(30):
        while lag.mean < 0.25:  # noqa: ASYNC110 - no event: the loop itself is what is looked at
            await asyncio.sleep(0.01)
    watching.cancel()
