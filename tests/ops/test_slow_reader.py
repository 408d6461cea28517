"""A client that does not read costs its 64 KB and no more, and loses nothing by being cut off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from tests.models_llm.openai_server import OpenAIServer, Reply
from tests.ops.test_metrics import scrape, value
from tests.support.client import Api, text_of
from tests.support.server import Server
from tests.support.waiting import until

WORD = "word " * 400  # 2,000 characters a token
TOKENS = 3000  # six million characters: far beyond what the kernel's buffers hold


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> OpenAIServer:
        server = OpenAIServer(default=Reply(tokens=[WORD] * TOKENS))
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def stalled_stream(server: Server, client: Api) -> socket.socket:
    """A connection that asks for a stream and then reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    body = json.dumps({"input": "Tell me a lot.", "stream": True}).encode()
    head = (
        "POST /api/v1/agents/assistant/runs HTTP/1.1\r\nHost: localhost\r\n"
        f"X-Tenant: {client.tenant}\r\nAuthorization: Bearer {client.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def test_a_stalled_reader_is_cut_off_and_goes_on_where_it_was(
    database: None, model: OpenAIServer
) -> None:
    env = {
        "TEST_MODEL_BASE_URL": model.base_url,
        "TEST_MODEL_NAME": "test-model",
        "STREAM_STALL_SECONDS": "2",
    }
    with Server.started(env) as server:
        for tenant in ("acme", "globex"):
            cut_off_and_back(server, Api.signed_in(server, tenant, "member"))
        log = server.log.read_text()
        assert "Traceback" not in log and " ERROR " not in log, log[-3000:]


def cut_off_and_back(server: Server, client: Api) -> None:
    before = value(scrape(server), "stalled_clients_total")
    with stalled_stream(server, client) as connection:
        until(lambda: value(scrape(server), "stalled_clients_total"), lambda n: n == before + 1)
        until(lambda: scrape(server), lambda seen: value(seen, "open", what="stream") == 0)
        connection.settimeout(10)
        begun = whole_events(read_all(connection))
    run = newest_run(client)
    until(lambda: client.get(f"/runs/{run['id']}").json(), lambda run: run["finished_at"], 60)
    headers = {"Last-Event-ID": begun[-1]["id"]} if begun else {}
    with client.stream("GET", f"/runs/{run['id']}/events", headers=headers) as stream:
        rest = list(stream)
    assert rest[-1]["type"] == "run.completed"
    assert text_of([*begun, *rest]) == WORD * TOKENS


def newest_run(client: Api) -> dict[str, Any]:
    return dict(client.get("/runs?limit=1").json()["items"][0])


def whole_events(told: bytes) -> list[dict[str, Any]]:
    """The events that came whole, of what was read before the connection ended."""
    found = []
    for block in told.decode(errors="replace").split("\n\n")[:-1]:
        lines = [line[6:] for line in block.splitlines() if line.startswith("data: ")]
        found += [json.loads(line) for line in lines]
    return found


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def test_a_slow_reader_gets_everything(database: None, model: OpenAIServer) -> None:
    env = {"TEST_MODEL_BASE_URL": model.base_url, "TEST_MODEL_NAME": "test-model"}
    with Server.started(env) as server:
        client = Api.signed_in(server, "acme", "member")
        with stalled_stream(server, client) as connection:
            until(lambda: newest_run(client)["finished_at"], seconds=60)
            connection.settimeout(30)
            told, piece, end = bytearray(), b"", b"event: run.completed"
            while end not in told[-len(end) - len(piece) :]:
                piece = connection.recv(1 << 20)
                assert piece, told[-500:]
                told += piece
        assert told.count(b"word ") >= 400 * TOKENS
        assert value(scrape(server), "stalled_clients_total") == 0
        # And an ordinary stream on a connection that is used again.
        with httpx.Client(base_url=client.http.base_url, headers=client.http.headers) as http:
            for _ in range(2):
                answer = http.get(
                    f"/runs/{client.get('/runs?limit=1').json()['items'][0]['id']}/events"
                )
                assert "event: run.completed" in answer.text


async def test_a_socket_that_reads_nothing_is_cut_off_too(
    database: None, model: OpenAIServer
) -> None:
    env = {
        "TEST_MODEL_BASE_URL": model.base_url,
        "TEST_MODEL_NAME": "test-model",
        "STREAM_STALL_SECONDS": "2",
    }
    with Server.started(env) as server:
        for tenant in ("acme", "globex"):
            client = await asyncio.to_thread(Api.signed_in, server, tenant, "member")
            before = value(await asyncio.to_thread(scrape, server), "stalled_clients_total")
            async with websockets.connect(
                f"ws://127.0.0.1:{server.port}/ws/runs/",
                additional_headers={"X-Tenant": tenant},
                max_queue=1,
                ping_interval=None,
                open_timeout=60,
            ) as connection:
                await connection.send(json.dumps({"action": "authenticate", "token": client.token}))
                assert json.loads(await connection.recv())["type"] == "ack"
                frame = {"action": "start", "slug": "assistant", "input": "Tell me a lot."}
                await connection.send(json.dumps(frame))
                await asyncio.to_thread(
                    until,
                    lambda: value(scrape(server), "stalled_clients_total"),
                    lambda count, before=before: count == before + 1,
                    60,
                )
        log = server.log.read_text()
        assert "Traceback" not in log and " ERROR " not in log, log[-3000:]


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_an_answer_of_megabytes_comes_whole_over_a_socket(
    database: None, model: OpenAIServer, kind: str
) -> None:
    env = {"TEST_MODEL_BASE_URL": model.base_url, "TEST_MODEL_NAME": "test-model"}
    with Server.started(env, kind=kind) as server:
        client = await asyncio.to_thread(Api.signed_in, server, "globex", "member")
        async with websockets.connect(
            f"ws://127.0.0.1:{server.port}/ws/runs/",
            additional_headers={"X-Tenant": "globex"},
            max_size=None,
            ping_interval=None,
            open_timeout=60,
        ) as connection:
            await connection.send(json.dumps({"action": "authenticate", "token": client.token}))
            frame = {"action": "start", "slug": "assistant", "input": "Tell me a lot."}
            await connection.send(json.dumps(frame))
            seen: list[dict[str, Any]] = []
            while not seen or seen[-1]["type"] != "run.completed":
                seen.append(json.loads(await connection.recv()))
                assert seen[-1]["type"] != "error", seen[-1]
        assert text_of(seen) == seen[-1]["output"] == WORD * TOKENS
