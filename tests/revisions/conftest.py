"""A server of these tests' own, whose model is a scripted one over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.models_llm.openai_server import OpenAIServer
from tests.support.client import Api
from tests.support.server import Server


@pytest.fixture(scope="module")
def model_server() -> Iterator[OpenAIServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> OpenAIServer:
        server = OpenAIServer()
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def model_api(database: None, model_server: OpenAIServer) -> Iterator[Callable[[str], Api]]:
    """`model_api("acme")`: the tenant's demo member on that server."""
    env = {"TEST_MODEL_BASE_URL": model_server.base_url, "TEST_MODEL_NAME": "test-model"}
    with Server.started(env) as server:
        clients = {slug: Api.signed_in(server, slug, "member") for slug in ("acme", "globex")}
        yield clients.__getitem__
        for client in clients.values():
            client.close()
