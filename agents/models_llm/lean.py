"""A lean streaming chat model for endpoints that speak OpenAI's chat completions.

Behind LangChain's interface, over aiohttp: the openai client on httpx costs about five times the
CPU for the same twenty tokens, and at some hundred runs at once the model client is the largest
part of a run's cost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from langchain_core.messages import BaseMessage
from multidict import CIMultiDict
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_validator
from yarl import URL

from agents.models_llm import wire
from agents.models_llm.base import StreamingChat
from agents.models_llm.connections import session_for
from agents.models_llm.errors import BadRequest, Garbage, StreamCut
from agents.models_llm.exchange import Exchange, Limits
from agents.models_llm.names import RESERVED_PARAMETERS
from agents.models_llm.protocol import Delta, Turn
from agents.models_llm.sse import EventParser
from config.trace import outgoing


class LeanChat(StreamingChat):
    """One model at one endpoint. Time-outs are in seconds, sizes in bytes.

    It never retries, follows no redirect (the key would travel), and keeps no state but its
    connections, so one instance serves any number of runs at once and any event loop.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    base_url: str
    api_key: SecretStr = SecretStr("")

    temperature: float | None = None
    max_tokens: int | None = None
    max_tokens_name: str = "max_tokens"
    """OpenAI's reasoning models want `max_completion_tokens`."""
    seed: int | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further members of the request's body (`top_p`, `reasoning_effort` and the like)."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    stream_usage: bool = True
    """Ask for the token counts of a stream; a few old servers refuse the question."""

    path: str = "/chat/completions"
    query: dict[str, str] = Field(default_factory=dict)
    key_header: str = "Authorization"
    """Where the key goes: as a bearer token, or bare into a header of another name (Azure)."""
    tenant: str = ""
    """Whose provider this is: connections of its own, to addresses that providers may have."""

    connect_timeout: float = 5.0
    first_byte_timeout: float = 60.0
    read_timeout: float = 30.0
    total_timeout: float = 300.0
    max_line: int = 1_048_576
    max_reply: int = 16_777_216
    connection_limit: int = 256
    keepalive: float = 30.0

    _url: URL = PrivateAttr()
    _origin: str = PrivateAttr()
    _limits: Limits = PrivateAttr()
    _key: str = PrivateAttr()
    _headers: dict[str, str] = PrivateAttr()

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        url = URL(value.rstrip("/"))
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("base_url must look like https://host/v1")
        if url.user or url.password:
            raise ValueError("base_url must hold no credentials: they go into api_key")
        return str(url)

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError("api_key holds characters that can't be sent")
        return SecretStr(key)

    @field_validator("extra")
    @classmethod
    def _only_parameters(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(RESERVED_PARAMETERS & value.keys()):
            raise ValueError(f"extra must not set {', '.join(taken)}")
        return value

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._url = URL(self.base_url + self.path).with_query(self.query or None)
        self._origin = str(self._url.origin())
        self._limits = Limits(
            self.connect_timeout,
            self.first_byte_timeout,
            self.read_timeout,
            self.total_timeout,
            self.max_reply,
        )
        self._key = self.api_key.get_secret_value()
        self._headers = {"Content-Type": "application/json", **self.headers}
        if self._key:
            bearer = self.key_header == "Authorization"
            self._headers[self.key_header] = f"Bearer {self._key}" if bearer else self._key

    @property
    def _llm_type(self) -> str:
        return "lean-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "base_url": self.base_url, "temperature": self.temperature}

    @property
    def offline(self) -> bool:
        return False

    @property
    def model_name(self) -> str:
        return self.model

    async def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]:
        """Streams one reply. `params` go into the body (None leaves one out), but for
        `extra_headers`, which are sent as headers (`traceparent`).

        Cancelling, or closing the generator, closes the connection at once.
        """
        exchange, body, headers = self._request(messages, tools, params, stream=True)
        parser = EventParser(self.max_line)
        received = finished = False
        secret = self._key
        try:
            await exchange.open(body, headers)
            del body, headers  # a stream may be held for long
            if exchange.content_type == "application/json":  # the endpoint doesn't stream
                yield wire.as_delta(wire.read_whole(await exchange.read_all(), secret=secret))
                return
            while data := await exchange.read():
                received = True
                for event in parser.feed(data):
                    if event == wire.DONE:
                        await exchange.drain()
                        return
                    delta = wire.read_chunk(event, secret=secret)
                    if delta is not None:
                        finished = finished or delta.finish_reason is not None
                        yield delta
            for event in parser.finish():
                if event == wire.DONE:
                    return
                delta = wire.read_chunk(event, secret=secret)
                if delta is not None:
                    finished = finished or delta.finish_reason is not None
                    yield delta
        finally:
            exchange.close()
        if received and not parser.events:
            raise Garbage("The model endpoint answered with something that is no event stream.")
        if not finished:  # some servers end without [DONE], but none without a finish reason
            raise StreamCut("The reply ended before it was finished.")

    async def complete_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> Turn:
        """A whole reply in one piece of JSON: cheaper than a stream for both ends."""
        exchange, body, headers = self._request(messages, tools, params, stream=False)
        try:
            await exchange.open(body, headers)
            return wire.read_whole(await exchange.read_all(), secret=self._key)
        finally:
            exchange.close()

    def _request(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None,
        params: dict[str, Any],
        *,
        stream: bool,
    ) -> tuple[Exchange, bytes, CIMultiDict[str]]:
        headers = CIMultiDict(self._headers)
        headers.update(outgoing())
        headers.update(params.pop("extra_headers", None) or {})
        limit = params.pop("max_tokens", self.max_tokens)
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": self.temperature,
            self.max_tokens_name: limit,
            "seed": self.seed,
            **self.extra,
            **params,
        }
        body = {name: value for name, value in body.items() if value is not None}
        try:
            body["messages"] = wire.encode_messages(messages)
            if tools:
                body["tools"] = tools
            else:
                body.pop("tool_choice", None)
            body["stream"] = stream
            if stream and self.stream_usage:
                body["stream_options"] = {"include_usage": True}
            data = wire.encode_body(body)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        session = session_for(
            self._origin,
            limit=self.connection_limit,
            keepalive=self.keepalive,
            tenant=self.tenant,
        )
        return Exchange(session, self._url, self._limits, self._key), data, headers
