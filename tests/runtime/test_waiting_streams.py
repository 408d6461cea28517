"""A stream that waits holds nothing: no thread, no connection; and says that it is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tenants.pool import connection_parameters
from tests.support.client import Api, events
from tests.support.server import Server
from tests.support.waiting import until

HELD = 60


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def slow_server(database: None, request: pytest.FixtureRequest) -> Iterator[Server]:
    env = {"DEMO_MODEL_FIRST_DELAY": "4", "STREAM_HEARTBEAT_SECONDS": "0.3"}
    with Server.started(env, kind=request.param) as server:
        yield server


def threads(server: Server) -> int:
    status = Path(f"/proc/{server.processes[0].pid}/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


def connections() -> int:
    """Connections of the application that are in use at this moment."""
    with psycopg.connect(**connection_parameters()) as raw:
        row = raw.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE usename = current_user AND state <> 'idle' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_many_waiting_streams_hold_no_thread_and_no_connection(slow_server: Server) -> None:
    client = Api.signed_in(slow_server, "acme", "member")
    before = threads(slow_server)
    begun = 0
    enough = asyncio.Event()

    async def hold(http: httpx.AsyncClient) -> str:
        nonlocal begun
        ask = {"input": "Hello", "stream": True}
        async with http.stream("POST", "/agents/assistant/runs", json=ask) as answer:
            last = ""
            async for line in answer.aiter_lines():
                if line == "event: run.started":
                    begun += 1
                    if begun == HELD:
                        enough.set()
                last = line or last
                if line.startswith("event: run.c"):
                    return line
            return last

    limits = httpx.Limits(max_connections=HELD)
    headers = dict(client.http.headers)
    async with httpx.AsyncClient(
        base_url=client.http.base_url, headers=headers, limits=limits, timeout=120
    ) as http:
        holding = [asyncio.create_task(hold(http)) for _ in range(HELD)]
        await enough.wait()
        # All are open now, and no model has said a word.
        assert await asyncio.to_thread(until, connections, lambda count: count == 0) == 0
        assert threads(slow_server) - before <= 16
        assert set(await asyncio.gather(*holding)) == {"event: run.completed"}


def test_a_quiet_stream_says_that_it_is_still_there(slow_server: Server) -> None:
    client = Api.signed_in(slow_server, "acme", "member")
    ask = {"input": "Hello", "stream": True}
    lines: list[str] = []
    with client.http.stream("POST", "/agents/assistant/runs", json=ask) as answer:
        for line in answer.iter_lines():
            lines.append(line)
    assert lines.count(": still here") >= 3
    seen = list(events(iter(lines)))
    assert seen[-1]["type"] == "run.completed"


def test_a_reader_that_does_not_read_does_not_slow_the_run(slow_server: Server) -> None:
    client = Api.signed_in(slow_server, "acme", "member")
    ask: dict[str, Any] = {"input": "Tell me all you can do", "stream": True}
    with client.http.stream("POST", "/agents/assistant/runs", json=ask) as answer:
        run_id = answer.headers["x-run-id"]
        other = Api.signed_in(slow_server, "acme", "member")
        run = until(lambda: other.get(f"/runs/{run_id}").json(), lambda run: run["finished_at"])
        seen = list(events(answer.iter_lines()))
    text = "".join(event["text"] for event in seen if event["type"] == "message.delta")
    assert text == run["output"]
