from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from agents.models_llm.connections import aclose_all
from agents.models_llm.lean import LeanChat
from tests.models_llm.openai_server import OpenAIServer


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer()
    await server.start()
    yield server
    await aclose_all()
    await server.stop()


@pytest.fixture
def lean(server: OpenAIServer) -> Callable[..., LeanChat]:
    def make(**fields: Any) -> LeanChat:
        given = {"model": "test-model", "base_url": server.base_url, "api_key": "sk-test-1234"}
        return LeanChat(**{**given, **fields})

    return make
