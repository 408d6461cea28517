"""The lean model behind LangChain's interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from agents.models_llm.errors import ModelError, RateLimited
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import adapt, collect
from tests.models_llm.openai_server import OpenAIServer, Reply, Status

Make = Callable[..., LeanChat]


class City(BaseModel):
    """A city."""

    name: str
    people: int = Field(ge=0)


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return city


@pytest.mark.asyncio
async def test_astream_gives_chunks_that_add_up(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(tokens=["a ", "b"], calls=[("weather", '{"city": "Rome"}')]))
    chunks = [chunk async for chunk in lean().bind_tools([weather]).astream("hi")]
    assert len([chunk for chunk in chunks if chunk.content]) == 2
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert isinstance(whole, AIMessageChunk)
    assert whole.content == "a b"
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [
        ("weather", {"city": "Rome"})
    ]
    assert whole.usage_metadata is not None and whole.usage_metadata["total_tokens"] == 13
    assert whole.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.asyncio
async def test_ainvoke_asks_for_one_piece_of_json(server: OpenAIServer, lean: Make) -> None:
    message = await lean().ainvoke("hi")
    assert message.content == "Hello there."
    assert server.requests[0].body["stream"] is False


@pytest.mark.asyncio
async def test_invoke_works_where_no_loop_runs(server: OpenAIServer, lean: Make) -> None:
    message = await asyncio.to_thread(lean().invoke, "hi")
    assert message.content == "Hello there."


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"),
        (True, "required"),
        ("auto", "auto"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
    ],
)
async def test_tools_of_every_kind_are_bound(
    server: OpenAIServer, lean: Make, choice: Any, sent: Any
) -> None:
    plain = {"type": "function", "function": {"name": "plain", "parameters": {"type": "object"}}}
    await lean().bind_tools([weather, City, plain], tool_choice=choice).ainvoke("hi")
    body = server.requests[0].body
    assert [entry["function"]["name"] for entry in body["tools"]] == ["weather", "City", "plain"]
    assert body["tools"][0]["function"]["parameters"]["required"] == ["city"]
    assert body["tool_choice"] == sent


@pytest.mark.asyncio
async def test_structured_output_by_schema(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(tokens=['{"name": "Rome",', ' "people": 3}']))
    assert await lean().with_structured_output(City).ainvoke("x") == City(name="Rome", people=3)
    asked = server.requests[0].body["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["name"] == "City"
    assert asked["json_schema"]["schema"]["required"] == ["name", "people"]


@pytest.mark.asyncio
async def test_structured_output_by_function_calling(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(tokens=(), calls=[("City", '{"name": "Rome", "people": 3}')]))
    model = lean().with_structured_output(City, method="function_calling")
    assert await model.ainvoke("x") == City(name="Rome", people=3)
    assert server.requests[0].body["tool_choice"]["function"]["name"] == "City"


@pytest.mark.asyncio
async def test_structured_output_of_a_plain_schema_is_a_dict(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=['{"name": "Rome"}']))
    schema = {"title": "place", "type": "object", "properties": {"name": {"type": "string"}}}
    assert await lean().with_structured_output(schema).ainvoke("x") == {"name": "Rome"}


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ['{"name": "Ro', '{"name": "Rome", "people": -1}', "[]", "Rome"])
async def test_a_reply_that_breaks_the_schema_is_never_taken(
    server: OpenAIServer, lean: Make, text: str
) -> None:
    server.script(Reply(tokens=[text]), Reply(tokens=[text]))
    with pytest.raises(OutputParserException):
        await lean().with_structured_output(City).ainvoke("x")
    result = await lean().with_structured_output(City, include_raw=True).ainvoke("x")
    assert result["raw"].content == text
    assert result["parsed"] is None
    assert isinstance(result["parsing_error"], OutputParserException)


@pytest.mark.asyncio
async def test_include_raw_gives_both(server: OpenAIServer, lean: Make) -> None:
    city = City(name="Rome", people=3)
    server.script(Reply(tokens=[city.model_dump_json()]))
    result = await lean().with_structured_output(City, include_raw=True).ainvoke("x")
    assert result["parsed"] == city and result["parsing_error"] is None
    assert json.loads(result["raw"].content) == city.model_dump()


@pytest.mark.asyncio
async def test_errors_pass_through_langchain_unchanged(server: OpenAIServer, lean: Make) -> None:
    server.script(*[Status(429, headers={"Retry-After": "4"})] * 2)
    with pytest.raises(RateLimited) as caught:
        await lean().ainvoke("hi")
    assert caught.value.retry_after == 4
    with pytest.raises(RateLimited):
        async for _ in lean().astream("hi"):
            pass


@pytest.mark.asyncio
async def test_another_langchain_model_is_adapted() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("one two three")]))
    turn = await collect(adapt(model).stream_turn([HumanMessage("hi")]))
    assert turn.text == "one two three"


@pytest.mark.asyncio
async def test_the_adapter_carries_tools_usage_and_calls(server: OpenAIServer, lean: Make) -> None:
    class Foreign:
        """Hides the native stream, so that the path every other provider takes is taken."""

        def __init__(self, inner: LeanChat) -> None:
            self.bind_tools = inner.bind_tools
            self.astream = inner.astream

    server.script(Reply(calls=[("weather", '{"city": "Rome"}')]))
    bound = lean().bind_tools([weather]).kwargs["tools"]  # type: ignore[attr-defined]
    foreign = adapt(Foreign(lean()))
    turn = await collect(foreign.stream_turn([HumanMessage("hi")], bound, temperature=0.2))
    assert turn.tool_calls[0].parsed == {"city": "Rome"}
    assert turn.usage is not None and turn.usage.output_tokens == 3
    assert server.requests[0].body["temperature"] == 0.2
    assert server.requests[0].body["tools"] == bound


@pytest.mark.asyncio
async def test_a_foreign_models_exception_is_typed_and_says_nothing_private() -> None:
    class Refused(Exception):
        status_code = 429

    class Broken:
        def __init__(self, error: Exception) -> None:
            self.error = error

        async def astream(self, messages: Any, **kwargs: Any) -> Any:
            raise self.error
            yield

    with pytest.raises(RateLimited):
        await collect(adapt(Broken(Refused())).stream_turn([]))
    with pytest.raises(ModelError) as caught:
        await collect(adapt(Broken(RuntimeError("key sk-1"))).stream_turn([]))
    assert "sk-1" not in caught.value.message
