"""Anthropic's dialect over real HTTP: text, tools, usage, and its failures as typed errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agents.models_llm import errors
from agents.models_llm.anthropic_chat import anthropic_chat
from agents.models_llm.connections import aclose_all
from agents.models_llm.exchange import Limits
from agents.models_llm.protocol import ChatStream, Usage, collect
from tests.models_llm.anthropic_server import AnthropicServer, Message
from tests.models_llm.openai_server import Drop, Hang, Raw, Status

KEY = "sk-ant-very-secret"
TOOL = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Works things out.",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}


@pytest_asyncio.fixture
async def anthropic() -> AsyncIterator[AnthropicServer]:
    server = AnthropicServer()
    await server.start()
    yield server
    await aclose_all()
    await server.stop()


def chat(server: AnthropicServer, first_byte: float = 5.0, **extra: Any) -> ChatStream:
    return anthropic_chat(
        model="claude-test",
        base_url=server.base_url,
        api_key=KEY,
        limits=Limits(2.0, first_byte, 2.0, 10.0, 1_000_000),
        tenant="acme",
        extra=extra,
    )


async def test_text_is_streamed_and_counted(anthropic: AnthropicServer) -> None:
    model = chat(anthropic, top_p=0.5)
    messages = [SystemMessage("Be brief."), HumanMessage("Hi")]
    pieces = [
        delta.text async for delta in model.stream_turn(messages, temperature=0.2, max_tokens=50)
    ]
    assert [piece for piece in pieces if piece] == ["Hello", " there", "."]
    turn = await collect(model.stream_turn(messages))
    assert (turn.text, turn.finish_reason) == ("Hello there.", "stop")
    assert turn.usage == Usage(11, 7, 3)
    first, second = anthropic.requests
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert first.body["system"] == "Be brief."
    assert (first.body["max_tokens"], first.body["temperature"]) == (50, 0.2)
    assert first.body["top_p"] == 0.5 and first.body["stream"] is True
    assert second.body["max_tokens"] > 1000 and second.body["model"] == "claude-test"


async def test_tools_are_called_and_answered(anthropic: AnthropicServer) -> None:
    model = chat(anthropic)
    anthropic.script(
        Message(
            tokens=("Let me see",),
            calls=[("calculator", {"expression": "17*23"}), ("calculator", {"expression": "1"})],
        )
    )
    turn = await collect(model.stream_turn([HumanMessage("17*23?")], [TOOL]))
    assert turn.text == "Let me see" and turn.finish_reason == "tool_calls"
    assert [(call.name, call.parsed) for call in turn.tool_calls] == [
        ("calculator", {"expression": "17*23"}),
        ("calculator", {"expression": "1"}),
    ]
    assert [call.id for call in turn.tool_calls] == ["toolu_0", "toolu_1"]
    said = AIMessage(
        "Let me see",
        tool_calls=[
            {"name": "calculator", "args": {"expression": "17*23"}, "id": "toolu_0"},
        ],
    )
    result = ToolMessage("391", tool_call_id="toolu_0")
    await collect(model.stream_turn([HumanMessage("17*23?"), said, result], [TOOL]))
    first, second = anthropic.requests
    assert first.body["tools"][0]["name"] == "calculator"
    assert first.body["tools"][0]["input_schema"]["required"] == ["expression"]
    assert second.body["messages"][-1]["content"][0]["tool_use_id"] == "toolu_0"


def refused(status: int, kind: str, message: str, headers: Any = None) -> Status:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Status(status, json.dumps(body), headers or {})


@pytest.mark.parametrize(
    ("reply", "kind", "retryable"),
    [
        (
            refused(
                401,
                "authentication_error",
                "bad sk-ant-very-secret",
            ),
            errors.AuthFailed,
            False,
        ),
        (
            refused(
                404,
                "not_found_error",
                "model: claude-test",
            ),
            errors.BadRequest,
            False,
        ),
        (
            refused(
                400,
                "invalid_request_error",
                "max_tokens: sk-ant-very-secret",
            ),
            errors.BadRequest,
            False,
        ),
        (
            refused(
                429,
                "rate_limit_error",
                "slow",
                {"Retry-After": "7"},
            ),
            errors.RateLimited,
            True,
        ),
        (
            refused(529, "overloaded_error", "Overloaded"),
            errors.ServerFailed,
            True,
        ),
        (Message(error_after=3), errors.ServerFailed, True),
        (Message(cut_after=3), errors.StreamCut, True),
        (Drop(), errors.ConnectFailed, True),
        (Hang(), errors.ModelTimeout, True),
        (Raw(b"<html>hello</html>", "text/html"), errors.Garbage, True),
    ],
    ids=["401", "404", "400", "429", "529", "error event", "cut", "drop", "hang", "no stream"],
)
async def test_failures_are_typed_and_hold_no_key(
    anthropic: AnthropicServer, reply: Any, kind: type[errors.ModelError], retryable: bool
) -> None:
    anthropic.script(reply)
    with pytest.raises(kind) as caught:
        await collect(chat(anthropic, first_byte=0.3).stream_turn([HumanMessage("Hi")]))
    error = caught.value
    assert error.retryable is retryable and error.message
    assert KEY not in error.message and error.__cause__ is None
    assert len(anthropic.requests) == 1  # nothing retries but the journal
    if isinstance(error, errors.RateLimited):
        assert error.retry_after == 7
