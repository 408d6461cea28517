"""The model that every contender talks to: one process, OpenAI's chat completions, streamed.

    python benchmarks/model_server.py --port 9999 --first-delay 0.05 --delay 0.005 --tokens 20

Speaks as tests/models_llm/openai_server.py does, on a bare asyncio protocol with every byte made
beforehand: a model server that costs as much as what is measured would measure itself. A request
that offers tools and doesn't yet end with a tool's result is answered by a call of the first tool
(with `--tools`), any other by tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from functools import partial
from typing import Any

CALL = json.dumps({"expression": "17*23"})
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _event(data: dict[str, Any] | str) -> bytes:
    """One SSE event as one chunk of a chunked body."""
    text = data if isinstance(data, str) else json.dumps(data)
    body = f"data: {text}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(body), body)


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "bench",
        "system_fingerprint": "fp_bench",
        "choices": [choice],
    }


def _ending(finish: str, tokens: int) -> bytes:
    """The last chunk, the usage and the end of the body, written at once."""
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": tokens,
        "total_tokens": 11 + tokens,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    last = {**_chunk({}), "choices": [], "usage": usage}
    return _event(_chunk({}, finish)) + _event(last) + _event("[DONE]") + b"0\r\n\r\n"


class Script:
    """What is said, as bytes: pieces to write one after the other, `delay` seconds apart."""

    def __init__(self, tokens: int, first_delay: float, delay: float, *, tools: bool) -> None:
        self.first_delay, self.delay, self.tools = first_delay, delay, tools
        opening = _event(_chunk({"role": "assistant", "content": ""}))
        words = [_event(_chunk({"content": f"token{number} "})) for number in range(tokens)]
        self.plain = [HEAD + opening + words[0], *words[1:], _ending("stop", tokens)]

    def calling(self, name: str) -> list[bytes]:
        """A call of the tool `name`, its arguments in pieces as a provider sends them."""
        head = {"index": 0, "id": "call_bench_0", "type": "function"}
        opening = _chunk({"role": "assistant", "content": None})
        first = _chunk({"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]})
        parts = ({"arguments": CALL[at : at + 4]} for at in range(0, len(CALL), 4))
        pieces = [
            _event(_chunk({"tool_calls": [{"index": 0, "function": part}]})) for part in parts
        ]
        return [HEAD + _event(opening) + _event(first), *pieces, _ending("tool_calls", 8)]


class Conversation(asyncio.Protocol):
    """One kept-alive connection: requests in turn, each answered by a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.buffer = bytearray()
        self.transport: Any = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        if b"expect: 100" in head:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + size:
            return
        body = bytes(self.buffer[end + 4 : end + 4 + size])
        del self.buffer[: end + 4 + size]
        if not body:  # a probe whether the server is there
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            return
        self._say(self._chosen(body), 0, asyncio.get_running_loop().time(), first=True)

    def _chosen(self, body: bytes) -> list[bytes]:
        # Parsed only where the answer depends on it: a 50-turn request is long.
        if not self.script.tools or b'"tools"' not in body:
            return self.script.plain
        request = json.loads(body)
        if not request.get("tools") or request["messages"][-1]["role"] == "tool":
            return self.script.plain
        return self.script.calling(request["tools"][0]["function"]["name"])

    def _say(self, pieces: list[bytes], at: int, due: float, *, first: bool = False) -> None:
        """Write piece `at` at its time; the times don't drift with the load."""
        if not first:
            if self.transport.is_closing():
                return
            self.transport.write(pieces[at])
            at += 1
            if at == len(pieces):
                return
        due += self.script.first_delay if first else self.script.delay
        loop = asyncio.get_running_loop()
        self.timer = loop.call_at(due, partial(self._say, pieces, at, due))


async def _serve(options: argparse.Namespace) -> None:
    script = Script(options.tokens, options.first_delay, options.delay, tools=options.tools)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(
        lambda: Conversation(script), "127.0.0.1", options.port, backlog=4096
    )
    print("ready", options.port, flush=True)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--first-delay", type=float, default=0.05, help="seconds")
    arguments.add_argument("--delay", type=float, default=0.005, help="seconds between tokens")
    arguments.add_argument("--tokens", type=int, default=20)
    arguments.add_argument("--tools", action="store_true", help="call the first tool offered")
    asyncio.run(_serve(arguments.parse_args()))
