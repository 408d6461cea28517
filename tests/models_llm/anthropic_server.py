"""A real HTTP server that speaks Anthropic's messages, as well or as badly as it is told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.models_llm.openai_server import Drop, Hang, Raw, Seen, Status


@dataclass
class Message:
    """A streamed message that works: text, then tool calls as (name, input)."""

    tokens: Sequence[str] = ("Hello", " there", ".")
    calls: Sequence[tuple[str, dict[str, Any]]] = ()
    cut_after: int | None = None
    """End the reply after this many events, as if all had been said."""
    error_after: int | None = None
    """Send an error event after this many events."""
    delay: float = 0.0


class AnthropicServer:
    """Scripted replies are used up in order; afterwards every request gets a plain message."""

    def __init__(self) -> None:
        self.replies: deque[Any] = deque()
        self.requests: list[Seen] = []
        self.port = 0
        app = web.Application()
        app.router.add_post("/v1/messages", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    def script(self, *replies: Any) -> None:
        self.replies.extend(replies)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(Seen(body, dict(request.headers), ("", 0)))
        reply = self.replies.popleft() if self.replies else Message()
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
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(reply, Hang):
            await asyncio.Event().wait()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(_events(body, reply)):
            if number == reply.cut_after:
                break
            if number == reply.error_after:
                event = {
                    "type": "error",
                    "error": {"type": "overloaded_error", "message": "Overloaded"},
                }
            if reply.delay:
                await asyncio.sleep(reply.delay)
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            await response.write(data.encode())
            if number == reply.error_after:
                break
        await response.write_eof()
        return response


def _events(body: dict[str, Any], reply: Message) -> list[dict[str, Any]]:
    usage = {
        "input_tokens": 8,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": "msg_test",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": usage,
            },
        }
    ]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if reply.tokens:
        deltas = [{"type": "text_delta", "text": token} for token in reply.tokens]
        blocks.append(({"type": "text", "text": ""}, deltas))
    for number, (name, given) in enumerate(reply.calls):
        raw = json.dumps(given)
        pieces = [raw[at : at + 5] for at in range(0, len(raw), 5)]
        start = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}
        blocks.append(
            (start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces])
        )
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append(
        {
            "type": "message_delta",
            "delta": {
                "stop_reason": "tool_use" if reply.calls else "end_turn",
                "stop_sequence": None,
            },
            "usage": {**usage, "output_tokens": 4 + len(reply.tokens)},
        }
    )
    events.append({"type": "message_stop"})
    return events
