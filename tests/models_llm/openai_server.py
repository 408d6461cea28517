"""A real HTTP server that speaks OpenAI's chat completions, as well or as badly as it is told.

In tests, `OpenAIServer` answers each request with the next scripted reply. Alone:

    python tests/models_llm/openai_server.py --port 9999 --first-delay 0.1 --delay 0.02 \
        --script plain|tool

prints "ready" when it listens. `plain` streams `--tokens` tokens; `tool` first calls the first
tool it is offered, with arguments made from its schema, and streams after the tool's result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Reply:
    """The base of every scripted reply; alone it is a stream that works."""

    tokens: Sequence[str] = ("Hello", " there", ".")
    calls: Sequence[tuple[str, str]] = ()
    """Tool calls: a name and its raw arguments, which are sent in pieces of `piece` characters."""
    piece: int = 4
    call_ids: bool = True
    first_delay: float = 0.0
    delay: float = 0.0
    finish: str | None = None
    usage: bool = True
    done: bool = True
    keep_open: bool = False
    """Don't end the HTTP reply; what it says may be whole all the same (`unfinished`: is not)."""
    cut_after: int | None = None
    """Abort the connection after this many chunks."""
    end_delay: float = 0.0
    """Seconds between the last event and the end of the HTTP reply."""
    held: dict[int, threading.Event] = field(default_factory=dict)
    """Before the chunk of this number, wait until the event is set."""
    split: int | None = None
    """Send pieces of this many bytes, each on its own."""
    newline: str = "\n"
    filtered: bool = False
    """Begin with a chunk of filter results and no choices, as Azure does."""


def unfinished(*tokens: str) -> Reply:
    """A reply that stops in mid-sentence for good: whoever reads it has to give up."""
    return Reply(tokens=tokens, finish="", usage=False, done=False, keep_open=True)


@dataclass
class Status:
    """An error status."""

    status: int
    body: str = '{"error": {"message": "no", "type": "test"}}'
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Raw:
    """Any bytes with status 200."""

    body: bytes
    content_type: str = "text/event-stream"


@dataclass
class Hang:
    """Never answers: no headers, or (`headers`) headers and no body."""

    headers: bool = False


@dataclass
class Drop:
    """Closes the connection instead of replying."""


@dataclass
class Seen:
    """A request as it came."""

    body: dict[str, Any]
    headers: dict[str, str]
    peer: tuple[str, int]
    path: str = ""


class OpenAIServer:
    """Scripted replies are used up in order; afterwards every request gets `default`."""

    def __init__(self, default: Any = None, choose: Any = None) -> None:
        self.default = default or Reply()
        self.choose = choose
        self.replies: deque[Any] = deque()
        self.requests: list[Seen] = []
        self.disconnected = asyncio.Event()
        self.port = 0
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._handle)
        app.router.add_post("/v1/moderations", self._handle)
        app.router.add_post("/openai/v1/chat/completions", self._handle)
        app.router.add_post("/openai/deployments/{name}/chat/completions", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    def script(self, *replies: Any) -> None:
        self.replies.extend(replies)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def connections(self) -> int:
        return len({seen.peer for seen in self.requests})

    async def start(self, port: int = 0) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        self.requests.append(Seen(body, dict(request.headers), tuple(peer[:2]), request.path_qs))
        if self.replies:
            reply = self.replies.popleft()
        else:
            reply = self.choose(body) if self.choose else self.default
        try:
            return await self._answer(request, body, reply)
        except (asyncio.CancelledError, ConnectionResetError):
            self.disconnected.set()
            raise

    async def _answer(
        self, request: web.Request, body: dict[str, Any], reply: Any
    ) -> web.StreamResponse:
        if isinstance(reply, Status):
            return web.Response(
                status=reply.status,
                text=reply.body,
                headers=reply.headers,
                content_type="application/json",
            )
        if isinstance(reply, Raw):
            return web.Response(body=reply.body, content_type=reply.content_type)
        if isinstance(reply, Drop):
            _abort(request)
            return web.Response()
        if isinstance(reply, Hang):
            if reply.headers:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
            await asyncio.Event().wait()
        if not body.get("stream"):
            await asyncio.sleep(reply.first_delay)
            return web.json_response(_whole(body, reply))
        return await self._stream(request, body, reply)

    async def _stream(
        self, request: web.Request, body: dict[str, Any], reply: Reply
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if reply.first_delay:
            await asyncio.sleep(reply.first_delay)
        for number, chunk in enumerate(_chunks(body, reply)):
            if number == reply.cut_after:
                _abort(request)
                return response
            if number in reply.held:
                await asyncio.to_thread(reply.held[number].wait)
            if number and reply.delay:
                await asyncio.sleep(reply.delay)
            await _write(response, chunk, reply)
        if reply.done:
            await _write(response, "[DONE]", reply)
        if reply.keep_open:
            await asyncio.Event().wait()
        if reply.end_delay:
            await asyncio.sleep(reply.end_delay)
        await response.write_eof()
        return response


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _write(response: web.StreamResponse, chunk: Any, reply: Reply) -> None:
    text = chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)
    data = f"data: {text}{reply.newline * 2}".encode()
    if reply.split is None:
        await response.write(data)
        return
    for start in range(0, len(data), reply.split):
        await response.write(data[start : start + reply.split])
        await asyncio.sleep(0)  # so that the pieces are separate writes on the wire


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": 11,
        "completion_tokens": len(reply.tokens),
        "total_tokens": 11 + len(reply.tokens),
        "prompt_tokens_details": {"cached_tokens": 3},
    }


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.calls else "stop")


def _chunks(body: dict[str, Any], reply: Reply) -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": "chatcmpl-test",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": body.get("model"),
            "system_fingerprint": "fp_test",
            "choices": [choice],
        }

    chunks = []
    if reply.filtered:
        chunks.append({**chunk({}), "choices": [], "prompt_filter_results": []})
    chunks.append(chunk({"role": "assistant", "content": ""}))
    chunks += [chunk({"content": token}) for token in reply.tokens]
    for index, (name, arguments) in enumerate(reply.calls):
        head: dict[str, Any] = {
            "index": index,
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        if reply.call_ids:
            head["id"] = f"call_test_{index}"
        chunks.append(chunk({"tool_calls": [head]}))
        chunks += [
            chunk(
                {
                    "tool_calls": [
                        {
                            "index": index,
                            "function": {"arguments": arguments[at : at + reply.piece]},
                        }
                    ]
                }
            )
            for at in range(0, len(arguments), reply.piece)
        ]
    if reply.finish != "":
        chunks.append(chunk({}, _finish(reply)))
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        last = chunk({})
        last["choices"] = []
        last["usage"] = _usage(reply)
        chunks.append(last)
    return chunks


def _whole(body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.tokens) or None}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": f"call_test_{index}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for index, (name, arguments) in enumerate(reply.calls)
        ]
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply)}],
        "usage": _usage(reply),
    }


def _example(schema: dict[str, Any]) -> Any:
    """A plausible value of a tool's parameter."""
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _example(properties[name]) for name in schema.get("required", ())}
    return {"integer": 1, "number": 1.5, "boolean": True, "array": []}.get(str(kind), "17*23")


def _standalone_choice(script: str, plain: Reply) -> Any:
    def choose(body: dict[str, Any]) -> Reply:
        answered = body["messages"][-1]["role"] == "tool"
        if script == "plain" or answered or not body.get("tools"):
            return plain
        function = body["tools"][0]["function"]
        arguments = json.dumps(_example(function.get("parameters") or {"type": "object"}))
        return Reply(
            tokens=(),
            calls=[(function["name"], arguments)],
            first_delay=plain.first_delay,
            delay=plain.delay,
        )

    return choose


async def _serve(options: argparse.Namespace) -> None:
    tokens = [f"token{number} " for number in range(options.tokens)]
    plain = Reply(tokens=tokens, first_delay=options.first_delay, delay=options.delay)
    server = OpenAIServer(choose=_standalone_choice(options.script, plain))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await server.start(options.port)
    print("ready", server.port, flush=True)
    await ended.wait()
    await server.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0, help="0: any free one")
    arguments.add_argument("--first-delay", type=float, default=0.0, help="seconds")
    arguments.add_argument("--delay", type=float, default=0.0, help="seconds between tokens")
    arguments.add_argument("--tokens", type=int, default=20)
    arguments.add_argument("--script", choices=["plain", "tool"], default="plain")
    asyncio.run(_serve(arguments.parse_args()))
