"""Azure's dialect: the deployment in the path, the version in the query, a header for the key."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage

from agents.models_llm.errors import BadRequest
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import collect
from tests.models_llm.openai_server import OpenAIServer, Reply, Status

PATH = "/openai/deployments/my-gpt/chat/completions"


def azure(server: OpenAIServer) -> LeanChat:
    return LeanChat(
        model="my-gpt",
        base_url=f"http://127.0.0.1:{server.port}",
        api_key="azure-secret",
        path=PATH,
        query={"api-version": "2024-10-21"},
        key_header="api-key",
        max_tokens_name="max_completion_tokens",
        tenant="acme",
    )


async def test_a_deployment_is_called_as_azure_wants_it(server: OpenAIServer) -> None:
    turn = await collect(azure(server).stream_turn([HumanMessage("Hi")], max_tokens=9))
    assert turn.text == "Hello there." and turn.usage is not None
    (seen,) = server.requests
    assert seen.path == f"{PATH}?api-version=2024-10-21"
    assert seen.headers["api-key"] == "azure-secret" and "Authorization" not in seen.headers
    assert seen.body["max_completion_tokens"] == 9 and "max_tokens" not in seen.body


async def test_its_first_chunk_without_choices_is_no_garbage(server: OpenAIServer) -> None:
    server.script(Reply(tokens=("Fine",), filtered=True))
    assert (await collect(azure(server).stream_turn([HumanMessage("Hi")]))).text == "Fine"


async def test_its_refusal_of_content_is_told(server: OpenAIServer) -> None:
    server.script(
        Status(400, '{"error": {"code": "content_filter", "message": "The prompt was filtered"}}')
    )
    with pytest.raises(BadRequest, match="The prompt was filtered"):
        await collect(azure(server).stream_turn([HumanMessage("Hi")]))
