"""Ask the model and pass on what it streams, as it comes."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

import aiohttp
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

_sessions: list[aiohttp.ClientSession] = []


def _session() -> aiohttp.ClientSession:
    if not _sessions:
        _sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    return _sessions[0]


async def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


async def relay(request: HttpRequest) -> StreamingHttpResponse:
    text = json.loads(request.body)["input"]
    body = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": text}]}

    async def pieces() -> AsyncIterator[bytes]:
        url = os.environ["BENCH_MODEL_URL"] + "/chat/completions"
        async with _session().post(url, json=body) as answer:
            async for line in answer.content:
                yield line

    return StreamingHttpResponse(pieces(), content_type="text/event-stream")
