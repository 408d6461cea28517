"""A reply that works comes through whole, however the network cuts it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import Delta, Usage, adapt, collect
from tests.models_llm.openai_server import OpenAIServer, Raw, Reply

pytestmark = pytest.mark.asyncio

Make = Callable[..., LeanChat]
HI = [HumanMessage("hi")]
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}


async def test_tokens_come_one_by_one_with_usage_and_finish_reason(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["One", " two", " three"]))
    deltas = [delta async for delta in lean().stream_turn(HI)]
    assert [delta.text for delta in deltas if delta.text] == ["One", " two", " three"]
    assert deltas[-1].usage == Usage(11, 3, 3)
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]
    sent = server.requests[0]
    assert sent.body["stream"] is True
    assert sent.body["stream_options"] == {"include_usage": True}
    assert sent.headers["Authorization"] == "Bearer sk-test-1234"


async def test_a_token_is_given_out_before_the_next_one_is_made(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["first"], finish="", done=False, keep_open=True))
    stream = lean().stream_turn(HI)
    async with asyncio.timeout(30):
        assert (await anext(stream)).text == "first"
    await stream.aclose()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("split", [1, 2, 7])
async def test_bytes_may_be_split_anywhere_even_inside_a_character(
    server: OpenAIServer, lean: Make, split: int, newline: str
) -> None:
    text = ["Zürich ", "東京 ", "👩‍👩‍👧 ", '\\n"quoted"\n']
    server.script(Reply(tokens=text, split=split, newline=newline))
    turn = await collect(lean().stream_turn(HI))
    assert turn.text == "".join(text)


async def test_tool_calls_split_over_chunks_are_put_together(
    server: OpenAIServer, lean: Make
) -> None:
    calls = [("add", '{"a": 1, "text": "grüße"}'), ("add", '{"a": 2}')]
    server.script(Reply(tokens=(), calls=calls, piece=3))
    turn = await collect(lean().stream_turn(HI, [ADD]))
    assert [(call.id, call.name, call.parsed) for call in turn.tool_calls] == [
        ("call_test_0", "add", {"a": 1, "text": "grüße"}),
        ("call_test_1", "add", {"a": 2}),
    ]
    assert turn.finish_reason == "tool_calls"
    assert server.requests[0].body["tools"] == [ADD]


async def test_arguments_that_are_no_json_are_carried_not_raised(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=(), calls=[("add", '{"a": 1'), ("add", "[1]")]))
    turn = await collect(lean().stream_turn(HI, [ADD]))
    cut, listed = turn.tool_calls
    assert cut.parsed is None and cut.arguments == '{"a": 1' and "not valid JSON" in str(cut.error)
    assert listed.parsed is None and "must be a JSON object" in str(listed.error)
    assert [call["args"] for call in turn.message().invalid_tool_calls] == ['{"a": 1', "[1]"]


async def test_a_call_without_an_id_gets_the_same_one_every_time(
    server: OpenAIServer, lean: Make
) -> None:
    reply = Reply(tokens=(), calls=[("add", "{}"), ("add", "{}")], call_ids=False)
    server.script(reply, reply)
    ids = [
        [call.id for call in (await collect(lean().stream_turn(HI, [ADD]))).tool_calls]
        for _ in range(2)
    ]
    assert ids == [["call_0", "call_1"]] * 2


async def test_calls_that_all_carry_index_zero_stay_apart(server: OpenAIServer, lean: Make) -> None:
    def event(id_: str, arguments: str) -> str:
        function = {"name": "add", "arguments": arguments}
        delta = {"tool_calls": [{"index": 0, "id": id_, "function": function}]}
        return f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n"

    body = event("a", '{"a":1}') + event("b", '{"a":2}')
    body += 'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]'
    server.script(Raw(body.encode()))
    turn = await collect(lean().stream_turn(HI, [ADD]))
    assert [(call.id, call.parsed) for call in turn.tool_calls] == [
        ("a", {"a": 1}),
        ("b", {"a": 2}),
    ]


async def test_comments_other_fields_and_empty_chunks_are_passed_over(
    server: OpenAIServer, lean: Make
) -> None:
    body = (
        ': keep-alive\n\nevent: x\nid: 3\nretry: 5\ndata: {"choices": []}\n\n'
        'data:{"choices":[{"delta":{"content":"ok","role":null}}],"usage":null}\n\n'
        'data: {"choices":[\ndata: {"delta":{"content":null},"finish_reason":"stop"}]}\n\n'
    )
    server.script(Raw(body.encode()))
    turn = await collect(lean().stream_turn(HI))
    assert (turn.text, turn.finish_reason) == ("ok", "stop")


async def test_an_endpoint_that_does_not_stream_still_answers(
    server: OpenAIServer, lean: Make
) -> None:
    whole = {
        "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1},
    }
    server.script(Raw(json.dumps(whole).encode(), "application/json"))
    turn = await collect(lean().stream_turn(HI))
    assert (turn.text, turn.usage) == ("whole", Usage(2, 1))


async def test_a_conversation_with_tools_goes_out_in_the_protocols_form(
    server: OpenAIServer, lean: Make
) -> None:
    broken = {"name": "add", "args": '{"a"', "id": "c2", "error": "cut"}
    messages = [
        SystemMessage("be brief"),
        HumanMessage("add"),
        AIMessage(
            "",
            tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}],
            invalid_tool_calls=[{**broken, "type": "invalid_tool_call"}],
        ),
        ToolMessage("1", tool_call_id="c1"),
        ToolMessage("bad", tool_call_id="c2", status="error"),
        HumanMessage([{"type": "text", "text": "thanks"}]),
    ]
    await collect(lean().stream_turn(messages))
    sent = server.requests[0].body["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "tool", "user"]
    first, second = sent[2]["tool_calls"]
    assert first["function"] == {"name": "add", "arguments": '{"a":1}'}
    assert json.loads(second["function"]["arguments"]) == {"invalid_json": '{"a"'}
    assert sent[3] == {"role": "tool", "tool_call_id": "c1", "content": "1"}
    assert sent[5]["content"] == "thanks"


async def test_parameters_and_headers_reach_the_endpoint(server: OpenAIServer, lean: Make) -> None:
    model = lean(temperature=0.5, max_tokens=9, seed=7, extra={"top_p": 0.1}, stream_usage=False)
    params = {"temperature": None, "stop": ["END"], "extra_headers": {"traceparent": "00-ab"}}
    await collect(model.stream_turn(HI, **params))
    sent = server.requests[0]
    assert sent.body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "max_tokens": 9,
        "seed": 7,
        "top_p": 0.1,
        "stop": ["END"],
    }
    assert sent.headers["traceparent"] == "00-ab"


async def test_one_connection_serves_one_turn_after_the_other(
    server: OpenAIServer, lean: Make
) -> None:
    model = lean()
    for _ in range(5):
        await collect(model.stream_turn(HI))
        await model.complete_turn(HI)
    assert (len(server.requests), server.connections) == (10, 1)


async def test_a_connection_is_kept_though_the_replys_end_comes_a_little_later(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(*[Reply(end_delay=0.02)] * 2)
    for _ in range(2):
        await collect(lean().stream_turn(HI))
    assert server.connections == 1


async def test_an_end_that_never_comes_does_not_hold_the_turn(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["all"], keep_open=True))
    async with asyncio.timeout(30):
        assert (await collect(lean().stream_turn(HI))).text == "all"
        await server.disconnected.wait()


async def test_turns_at_the_same_time_do_not_mix(server: OpenAIServer, lean: Make) -> None:
    server.choose = lambda body: Reply(tokens=list(body["messages"][0]["content"]), delay=0.001)
    model = lean()
    texts = [f"message number {n}" for n in range(40)]
    turns = await asyncio.gather(
        *(collect(model.stream_turn([HumanMessage(text)])) for text in texts)
    )
    assert [turn.text for turn in turns] == texts


async def test_deltas_equal_whatever_path_reads_them(server: OpenAIServer, lean: Make) -> None:
    model = lean()
    assert adapt(model) is model
    server.script(*[Reply(calls=[("add", '{"a": 5}')])] * 2)
    streamed = await collect(model.stream_turn(HI, [ADD]))
    whole = await model.complete_turn(HI, [ADD])
    assert streamed == whole


async def test_a_delta_holds_nothing_it_was_not_given() -> None:
    assert Delta() == Delta("", (), None, None)
