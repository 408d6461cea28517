"""The demo model without tools: honest, deterministic, streamed, schema-true."""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel, Field

from agents.models_llm.demo import DemoChat
from agents.models_llm.demo_plan import plan, read_tool
from agents.models_llm.protocol import ChatStream, adapt, collect
from tests.models_llm.demo_tools import ALL, CALCULATOR, Conversation

pytestmark = pytest.mark.asyncio


def quick() -> DemoChat:
    return DemoChat(first_delay=0, delay=0)


async def test_it_says_what_it_is_and_what_its_tools_do() -> None:
    reply = await Conversation().say("What is the capital of France?")
    assert "offline demo model" in reply
    assert "`calculator`: Work out arithmetic." in reply
    assert "Paris" not in reply
    assert "no tools" in await Conversation([]).say("What can you do?")


async def test_it_recalls_what_the_conversation_holds_and_no_more() -> None:
    talk = Conversation()
    assert "not told me your name" in await talk.say("What is my name?")
    assert "Ada" in await talk.say("My name is Ada")
    await talk.say("my favourite colour is dark blue")
    await talk.say("I live in Rome.")
    assert "Ada" in await talk.say("what is my name?")
    assert "dark blue" in await talk.say("Do you remember my favourite colour?")
    assert "Rome" in await talk.say("where do I live?")
    assert "What is my name?" in await talk.say("What did I say first?")


async def test_the_same_conversation_gets_the_same_answer() -> None:
    messages = [HumanMessage("remember that I like tea and what time is it in Rome?")]
    first = await collect(quick().stream_turn(messages, ALL))
    assert first == await collect(quick().stream_turn(messages, ALL))
    assert [call.id for call in first.tool_calls] == ["demo_0_0", "demo_0_1"]


async def test_call_ids_do_not_repeat_in_a_conversation() -> None:
    call = {"name": "calculator", "args": {"expression": "1+1"}, "id": "demo_0_0"}
    history = [
        HumanMessage("1+1?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("2", tool_call_id="demo_0_0"),
        AIMessage("2"),
        HumanMessage("2+2?"),
    ]
    turn = await collect(quick().stream_turn(history, ALL))
    assert turn.tool_calls[0].id == "demo_2_0"


async def test_an_answer_comes_word_by_word_at_its_pace() -> None:
    model = DemoChat(first_delay=0.05, delay=0.01)
    began, moments = time.monotonic(), []
    async for delta in model.stream_turn([HumanMessage("hello")]):
        if delta.text:
            moments.append(time.monotonic() - began)
    assert len(moments) >= 8
    assert moments[0] >= 0.05
    assert moments[-1] >= 0.05 + 0.01 * (len(moments) - 1) - 0.005


async def test_even_a_short_answer_has_several_words() -> None:
    for message in ("What is 2+2?", "thanks", "My name is Bo", "delete note", "1/0"):
        assert len((await Conversation().say(message)).split()) >= 8, message


async def test_usage_counts_words_and_limits_hold() -> None:
    messages = [SystemMessage("be kind"), HumanMessage("hello there")]
    turn = await collect(quick().stream_turn(messages))
    assert turn.usage is not None and turn.usage.input_tokens == 4
    assert turn.usage.output_tokens == len(turn.text.split())
    assert turn.finish_reason == "stop"
    short = await collect(quick().stream_turn(messages, max_tokens=3))
    assert (len(short.text.split()), short.finish_reason) == (3, "length")
    assert "demo" not in (await collect(quick().stream_turn(messages, stop=["demo"]))).text


async def test_it_can_be_cancelled_while_it_speaks() -> None:
    model, begun = DemoChat(first_delay=0, delay=60), asyncio.Event()

    async def listen() -> None:
        async for _ in model.stream_turn([HumanMessage("hello")]):
            begun.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(30):
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_it_is_a_langchain_model_and_a_chat_stream() -> None:
    model = quick()
    assert isinstance(model, ChatStream) and adapt(model) is model
    assert (model.model_name, model.offline) == ("offline-demo", True)
    message = await model.bind_tools([CALCULATOR]).ainvoke("What is 6*7?")
    assert message.tool_calls[0]["args"] == {"expression": "6*7"}
    chunks = [chunk.content async for chunk in model.astream("hello")]
    assert len(chunks) >= 8
    assert "offline demo model" in (await asyncio.to_thread(model.invoke, "hello")).content


class Mood(Enum):
    calm = "calm"
    angry = "angry"


class Address(BaseModel):
    city: str = Field(min_length=2)
    zip: str = Field(min_length=4, max_length=5)


class Complaint(BaseModel):
    """A complaint of a customer."""

    mood: Mood
    order_number: int = Field(ge=1)
    email: str
    urgent: bool
    address: Address
    tags: list[str] = Field(min_length=1)
    score: float = Field(gt=0, le=1)
    remark: str | None = None


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_structured_output_is_valid_and_holds_what_the_message_offers(method: Any) -> None:
    asking = quick().with_structured_output(Complaint, method=method)
    found = await asking.ainvoke("An angry customer, order 4711, ann@example.com, writes again")
    assert isinstance(found, Complaint)
    assert (found.mood, found.order_number, found.email) == (Mood.angry, 4711, "ann@example.com")


async def test_a_tool_that_must_be_called_is_called_with_valid_arguments() -> None:
    turn = await collect(
        quick().stream_turn([HumanMessage("whatever")], ALL, tool_choice="required")
    )
    assert len(turn.tool_calls) == 1
    none = await collect(quick().stream_turn([HumanMessage("2+2?")], ALL, tool_choice="none"))
    assert none.tool_calls == [] and none.text


@pytest.mark.parametrize(
    "hostile",
    [
        "1" * 4_000,
        "(" * 4_000,
        ", what and" * 500,
        "sum of " + "1," * 2_000,
        "a: " * 2_000,
        "time and tokyo, " * 300,
        "\"'" * 2_000,
        "1+" * 2_000,
        "my a " * 1_000,
    ],
)
async def test_a_hostile_message_costs_no_more_than_a_moment(hostile: str) -> None:
    began = time.process_time()
    plan(hostile, [read_tool(definition) for definition in ALL])
    await Conversation([]).say(hostile)
    assert time.process_time() - began < 2
