"""The test server also runs alone, for benchmarks and for tests of the whole product."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.models_llm.connections import aclose_all
from agents.models_llm.lean import LeanChat
from agents.models_llm.protocol import collect
from tests.models_llm.demo_tools import CALCULATOR


@pytest.mark.asyncio
async def test_the_tool_script_calls_a_tool_and_then_answers() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("openai_server.py")),
        *("--script", "tool", "--tokens", "7", "--delay", "0.001"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            ready, port = (await process.stdout.readline()).split()
            assert ready == b"ready"
            model = LeanChat(model="m", base_url=f"http://127.0.0.1:{int(port)}/v1")
            question = HumanMessage("hi")
            first = await collect(model.stream_turn([question], [CALCULATOR]))
            call = first.tool_calls[0]
            assert (call.name, call.parsed) == ("calculator", {"expression": "17*23"})
            asked = AIMessage("", tool_calls=[{"name": call.name, "args": {}, "id": call.id}])
            answered = [question, asked, ToolMessage("391", tool_call_id=call.id)]
            second = await collect(model.stream_turn(answered, [CALCULATOR]))
            assert len(second.text.split()) == 7
    finally:
        await aclose_all()
        process.terminate()
        await process.wait()
