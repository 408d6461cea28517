"""Each way a model call fails is one typed error, raised once."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from collections.abc import Callable
from contextlib import aclosing
from email.utils import format_datetime

import pytest
from langchain_core.messages import HumanMessage
from pydantic import ValidationError

from agents.models_llm import errors
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import collect
from agents.models_llm.sse import EventParser
from tests.models_llm.openai_server import Drop, Hang, OpenAIServer, Raw, Reply, Status, unfinished

pytestmark = pytest.mark.asyncio

Make = Callable[..., LeanChat]
HI = [HumanMessage("hi")]


async def failure(model: LeanChat) -> errors.ModelError:
    async with asyncio.timeout(30):
        with pytest.raises(errors.ModelError) as caught:
            await collect(model.stream_turn(HI))
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "bad_request", False),
        (404, "bad_request", False),
        (422, "bad_request", False),
        (307, "bad_request", False),
        (401, "auth", False),
        (403, "auth", False),
        (408, "timeout", True),
        (413, "too_large", False),
        (429, "rate_limited", True),
        (500, "server", True),
        (503, "server", True),
    ],
)
async def test_a_status_becomes_a_typed_error_and_nothing_retries(
    server: OpenAIServer, lean: Make, status: int, code: str, retryable: bool
) -> None:
    server.script(Status(status, headers={"Location": "/elsewhere"} if status == 307 else {}))
    error = await failure(lean())
    assert (error.code, error.retryable, error.status) == (code, retryable, status)
    assert len(server.requests) == 1


async def test_the_reason_of_a_refused_request_is_told(server: OpenAIServer, lean: Make) -> None:
    server.script(Status(400, '{"error": {"message": "max_tokens\\nis too large"}}'))
    assert "max_tokens is too large" in (await failure(lean())).message


async def test_retry_after_is_read_as_seconds_and_as_a_date(
    server: OpenAIServer, lean: Make
) -> None:
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90), usegmt=True)
    server.script(
        Status(429, headers={"Retry-After": "2.5"}),
        Status(503, headers={"Retry-After": later}),
        Status(429, headers={"Retry-After": "soon"}),
    )
    waits = [(await failure(lean())).retry_after for _ in range(3)]
    assert waits[0] == 2.5
    assert waits[1] is not None and 80 < waits[1] <= 90
    assert waits[2] is None


async def test_a_used_up_quota_is_not_worth_another_attempt(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Status(429, '{"error": {"message": "", "code": "insufficient_quota"}}'))
    error = await failure(lean())
    assert (error.code, error.retryable) == ("rate_limited", False)


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_the_key_is_in_no_error_and_no_repr(
    server: OpenAIServer, lean: Make, status: int
) -> None:
    key = "secret-key-9f8e7d"
    server.script(Status(status, f'{{"error": {{"message": "wrong key {key} given"}}}}'))
    model = lean(api_key=key, headers={"X-Proxy-Key": key})
    error = await failure(model)
    cause = error.__cause__
    for text in (
        str(error),
        repr(error),
        repr(cause),
        repr(model),
        str(model),
        repr(model.asdict()),
    ):
        assert key not in text


async def test_nobody_listening_is_a_connect_error(lean: Make) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        error = await failure(lean(base_url=f"http://127.0.0.1:{held.getsockname()[1]}/v1"))
    assert (error.code, error.retryable, error.status) == ("connect", True, None)


async def test_a_connection_dropped_before_the_reply_is_a_connect_error(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Drop())
    assert (await failure(lean())).code == "connect"


async def test_an_endpoint_that_speaks_no_http_is_garbage(lean: Make) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        assert (await failure(lean(base_url=f"http://127.0.0.1:{port}/v1"))).code == "garbage"


@pytest.mark.parametrize("headers", [False, True])
async def test_a_reply_that_never_begins_times_out(
    server: OpenAIServer, lean: Make, headers: bool
) -> None:
    server.script(Hang(headers=headers))
    error = await failure(lean(first_byte_timeout=0.1))
    assert error.code == "timeout" and "did not begin" in error.message
    async with asyncio.timeout(30):
        await server.disconnected.wait()


async def test_a_pause_between_bytes_times_out_even_when_the_first_byte_may_take_longer(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(unfinished())
    error = await failure(lean(first_byte_timeout=60, read_timeout=0.1))
    assert error.code == "timeout" and "paused" in error.message


async def test_a_reply_that_never_ends_meets_the_total_limit(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["on and on "] * 10_000, delay=0.01))
    error = await failure(lean(total_timeout=0.2))
    assert error.code == "timeout" and "longer than 0.2 s" in error.message


async def test_time_the_reader_takes_is_not_held_against_the_model(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["a", "b", "c"], delay=0.01))
    texts = []
    async with aclosing(lean(read_timeout=1, total_timeout=60).stream_turn(HI)) as deltas:
        async for delta in deltas:
            texts.append(delta.text)
            if delta.text == "a":
                await asyncio.sleep(1.5)  # the slow reader is what is tested
    assert "".join(texts) == "abc"


@pytest.mark.parametrize("after", [0, 2])
async def test_a_connection_lost_in_the_middle_is_cut(
    server: OpenAIServer, lean: Make, after: int
) -> None:
    server.script(Reply(tokens=["a", "b", "c"], cut_after=after, delay=0.01))
    error = await failure(lean())
    assert (error.code, error.retryable) == ("cut", True)


async def test_an_orderly_end_without_a_finish_is_cut_too(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(finish="", usage=False, done=False))
    assert (await failure(lean())).code == "cut"


async def test_a_finish_reason_without_done_is_whole(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(tokens=["all"], done=False))
    assert (await collect(lean().stream_turn(HI))).text == "all"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome to the hotel's network</html>",
        b"data: {not json}\n\n",
        b"data: [1, 2]\n\n",
        b'data: {"choices": "none"}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [4]}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
        b"\x00\x01\x02",
    ],
)
async def test_what_is_not_the_protocol_is_garbage(
    server: OpenAIServer, lean: Make, body: bytes
) -> None:
    server.script(Raw(body))
    assert (await failure(lean())).code == "garbage"


async def test_a_whole_reply_that_cannot_be_read_is_garbage(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Raw(b'{"choices": []}', "application/json"))
    with pytest.raises(errors.Garbage):
        await lean().complete_turn(HI)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ('{"error": {"message": "overloaded", "type": "server_error"}}', "server"),
        ('{"error": {"message": "slow down", "type": "rate_limit_error"}}', "rate_limited"),
        ('{"error": {"message": "too long", "code": 400}}', "bad_request"),
        ('{"error": {"message": "x", "type": "invalid_request_error"}}', "bad_request"),
        ('{"error": "plain words"}', "server"),
    ],
)
async def test_an_error_inside_the_stream_is_typed(
    server: OpenAIServer, lean: Make, error: str, code: str
) -> None:
    server.script(Raw(f"data: {error}\n\n".encode()))
    assert (await failure(lean())).code == code


async def test_a_line_or_a_reply_beyond_its_limit_is_refused(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["x" * 5_000]), Raw(b"data: " + b"x" * 5_000), Reply(["y"] * 100))
    for limits in ({"max_line": 1_000}, {"max_line": 1_000}, {"max_reply": 2_000}):
        assert (await failure(lean(**limits))).code == "too_large"


async def test_a_line_arriving_byte_by_byte_is_limited_as_well() -> None:
    parser = EventParser(max_line=100)
    with pytest.raises(errors.TooLarge):
        for _ in range(200):
            parser.feed(b"x")


async def test_cancelling_the_task_closes_the_connection(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(tokens=["tick "] * 1_000, delay=0.02))
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in lean().stream_turn(HI):
            begun.set()

    task = asyncio.create_task(read())
    async with asyncio.timeout(30):
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.disconnected.wait()


async def test_leaving_the_stream_early_closes_the_connection(
    server: OpenAIServer, lean: Make
) -> None:
    server.script(Reply(tokens=["tick "] * 1_000, delay=0.02))
    async with aclosing(lean().stream_turn(HI)) as deltas:
        await anext(deltas)
    async with asyncio.timeout(30):
        await server.disconnected.wait()


async def test_a_cut_connection_is_not_used_again(server: OpenAIServer, lean: Make) -> None:
    server.script(Reply(cut_after=1), Reply(tokens=["fine"]))
    model = lean()
    await failure(model)
    assert (await collect(model.stream_turn(HI))).text == "fine"
    assert server.connections == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": "localhost:9/v1"},
        {"base_url": "https://user:pw@host/v1"},
        {"api_key": "two\nlines"},
        {"extra": {"stream": False}},
        {"temprature": 1},
    ],
)
async def test_a_wrong_configuration_is_refused_without_showing_the_key(
    lean: Make, fields: dict[str, object]
) -> None:
    with pytest.raises(ValidationError) as caught:
        lean(**fields)
    assert "two" not in caught.value.errors(include_input=False)[0]["msg"]


async def test_a_parameter_that_is_no_json_is_a_bad_request(lean: Make) -> None:
    with pytest.raises(errors.BadRequest):
        await collect(lean().stream_turn(HI, logit_bias=object()))
