"""Calls that go wrong: slow, broken, endless. Nothing leaks, hangs or is swallowed."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from agents.tools.calling import ToolError, ToolFailure, ToolTimeout, invoke, invoke_sync
from agents.tools.spec import Handler, ToolContext
from tests.tools.making import Nothing, context, spec

SECRET = "postgres://app:hunter2@db"


def answering(value: Any) -> Handler:
    async def handler(context: ToolContext, args: Nothing) -> Any:
        return value

    return handler


def raising(error: BaseException) -> Handler:
    async def handler(context: ToolContext, args: Nothing) -> Any:
        raise error

    return handler


class Weather(BaseModel):
    place: str
    at: datetime


@pytest.mark.parametrize(
    ("value", "text", "data"),
    [
        ("plain text", "plain text", "plain text"),
        ({"n": 1, "s": "ü"}, '{"n": 1, "s": "ü"}', {"n": 1, "s": "ü"}),
        ([1, None], "[1, null]", [1, None]),
        (None, "null", None),
        (
            Weather(place="Bonn", at=datetime(2026, 1, 2, tzinfo=UTC)),
            '{"place": "Bonn", "at": "2026-01-02T00:00:00Z"}',
            {"place": "Bonn", "at": "2026-01-02T00:00:00Z"},
        ),
        ({"at": datetime(2026, 1, 2, tzinfo=UTC)}, None, {"at": "2026-01-02T00:00:00Z"}),
        ({"x": float("nan"), "y": [float("inf")]}, None, {"x": "nan", "y": ["inf"]}),
        ("a\0b \ud800 \ud83d\ude00", None, "a\ufffdb \ufffd \U0001f600"),
        ({"k\0": "\0"}, None, {"k\ufffd": "\ufffd"}),
    ],
)
async def test_a_result_is_text_for_the_model_and_json_for_the_journal(
    value: Any, text: str | None, data: Any
) -> None:
    result = await invoke(spec(answering(value)), context(), Nothing())
    assert result.data == data
    assert result.cut == 0
    if text is not None:
        assert result.text == text


async def test_a_long_output_is_cut_and_says_by_how_much() -> None:
    value = "".join(chr(ord("a") + number % 26) for number in range(1_000))
    result = await invoke(spec(answering(value), max_output=300), context(), Nothing())

    head, _, marker = result.text.partition("\n")
    assert len(result.text) <= 300
    assert value.startswith(head)
    assert result.cut == len(value) - len(head)
    assert marker == f"[cut: the last {result.cut} of 1,000 characters are not shown]"
    assert result.data == result.text


async def test_an_output_of_exactly_the_limit_is_whole() -> None:
    result = await invoke(spec(answering("x" * 300), max_output=300), context(), Nothing())
    assert (result.text, result.cut) == ("x" * 300, 0)


async def test_a_tools_own_error_reaches_the_model_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ToolError) as caught:
        await invoke(spec(raising(ToolError("no such city"))), context(), Nothing())
    assert (caught.value.message, caught.value.code) == ("no such city", "tool_error")
    assert not caplog.records


async def test_a_tools_own_error_is_shortened_and_storable() -> None:
    with pytest.raises(ToolError) as caught:
        await invoke(spec(raising(ToolError("\0" + "x" * 50_000))), context(), Nothing())
    assert len(caught.value.message) <= 2_000
    assert "\0" not in caught.value.message


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        KeyError(SECRET),
        TimeoutError(SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_exception_shows_the_model_an_id_and_the_log_the_rest(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ToolFailure) as caught:
        await invoke(spec(raising(error)), context(), Nothing())

    failure = caught.value
    assert failure.message == f"the tool failed (error id {failure.error_id})"
    assert failure.code == "tool_failed"
    assert "hunter2" not in "".join(traceback.format_exception(failure))
    (record,) = caplog.records
    assert failure.error_id in record.getMessage()
    assert record.exc_info is not None
    assert "hunter2" in caplog.text
    assert "019a" in caplog.text


async def test_a_result_that_is_no_data_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for value in (object(), circle):
        with pytest.raises(ToolFailure):
            await invoke(spec(answering(value)), context(), Nothing())
    assert len(caplog.records) == 2


async def test_a_slow_tool_is_stopped_at_its_time_out(caplog: pytest.LogCaptureFixture) -> None:
    stopped = asyncio.Event()

    async def slow(context: ToolContext, args: Nothing) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return "never"

    with caplog.at_level(logging.WARNING), pytest.raises(ToolTimeout) as caught:
        await invoke(spec(slow, timeout=0.03), context(), Nothing())
    assert stopped.is_set()
    assert caught.value.code == "tool_timeout"
    assert caught.value.message.startswith("the tool took longer than its limit of 0.03 s")
    assert caught.value.error_id in caplog.text


async def test_the_runs_deadline_comes_before_the_tools_time_out() -> None:
    async def slow(context: ToolContext, args: Nothing) -> str:
        await asyncio.Event().wait()
        return "never"

    near = context(deadline=time.monotonic() + 0.03)
    with pytest.raises(ToolTimeout, match="the run's time was up"):
        await invoke(spec(slow), near, Nothing())


async def test_a_tool_is_not_begun_after_the_deadline() -> None:
    begun: list[bool] = []

    async def eager(context: ToolContext, args: Nothing) -> str:
        begun.append(True)
        return "done"

    with pytest.raises(ToolTimeout):
        await invoke(spec(eager), context(deadline=time.monotonic() - 1), Nothing())
    assert not begun


async def test_cancelling_the_caller_cancels_the_tool_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(context: ToolContext, args: Nothing) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    task = asyncio.create_task(invoke(spec(slow), context(), Nothing()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert not caplog.records


async def test_a_cancellation_inside_the_tool_does_not_end_the_run() -> None:
    async def leaky(context: ToolContext, args: Nothing) -> str:
        child = asyncio.create_task(asyncio.Event().wait())
        child.cancel()
        await child
        return "never"

    with pytest.raises(ToolFailure):
        await invoke(spec(leaky), context(), Nothing())


async def test_an_exit_passes_through() -> None:
    class Exit(BaseException):
        pass

    with pytest.raises(Exit):
        await invoke(spec(raising(Exit())), context(), Nothing())


def test_a_transactional_tool_is_called_directly_and_fails_as_safely() -> None:
    def plain(context: ToolContext, args: Nothing) -> dict[str, str]:
        return {"key": context.idempotency_key}

    def broken(context: ToolContext, args: Nothing) -> None:
        raise LookupError(SECRET)

    def complaining(context: ToolContext, args: Nothing) -> None:
        raise ToolError("too many")

    result = invoke_sync(spec(plain, transactional=True), context(), Nothing())
    assert result.data == {"key": "019a:turn-1/call-0"}
    with pytest.raises(ToolFailure, match="error id"):
        invoke_sync(spec(broken, transactional=True), context(), Nothing())
    with pytest.raises(ToolError, match="too many"):
        invoke_sync(spec(complaining, transactional=True), context(), Nothing())
    with pytest.raises(ToolTimeout):
        invoke_sync(spec(plain, transactional=True), context(deadline=1.0), Nothing())


async def test_the_two_kinds_of_tool_are_not_mixed_up() -> None:
    def plain(context: ToolContext, args: Nothing) -> str:
        return ""

    with pytest.raises(TypeError, match="invoke_sync"):
        await invoke(spec(plain, transactional=True), context(), Nothing())
    with pytest.raises(TypeError, match="not transactional"):
        invoke_sync(spec(answering("")), context(), Nothing())
