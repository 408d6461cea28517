"""Providers' own HTTP clients over ours: their requests leave through `Exchange`.

So the same guard of addresses, the same time-outs, limits and typed errors hold for every provider,
and connections belong to the loop that uses them, whatever the provider's package does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
from multidict import CIMultiDict
from yarl import URL

from agents.models_llm.connections import session_for
from agents.models_llm.errors import Garbage
from agents.models_llm.exchange import Exchange, Limits

# aiohttp writes these itself; a body must not be compressed, or tokens would come in blocks.
_NOT_PASSED_ON = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
)
# With anything else, a web page say, providers' packages would see an empty reply.
_SPOKEN = frozenset({"text/event-stream", "application/json"})


class _Body(httpx2.AsyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._exchange.read():
            yield piece

    async def aclose(self) -> None:
        self._exchange.close()


class ExchangeTransport(httpx2.AsyncBaseTransport):
    """POST alone; any status but 200 is raised as the `ModelError` it stands for."""

    def __init__(self, limits: Limits, *, secret: str, tenant: str) -> None:
        self._limits = limits
        self._secret = secret
        self._tenant = tenant

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = URL(str(request.url), encoded=True)
        session = session_for(str(url.origin()), limit=256, keepalive=30.0, tenant=self._tenant)
        exchange = Exchange(session, url, self._limits, self._secret)
        headers = CIMultiDict(
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _NOT_PASSED_ON
        )
        try:
            await exchange.open(await request.aread(), headers)
            if exchange.content_type not in _SPOKEN:
                raise Garbage("The model endpoint answered with something that is no event stream.")
        except BaseException:
            exchange.close()
            raise
        return httpx2.Response(
            200, headers={"content-type": exchange.content_type}, stream=_Body(exchange)
        )
