"""What the run loop asks of a model: `ChatStream`, and the small values that travel through it.

LangChain's message chunks are pydantic models with validators and a callback machinery behind
each; a run streams dozens of them. The run loop therefore reads `Delta`s, which cost a fraction,
and builds one LangChain message at the end (`Turn.message`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

import orjson
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one model call as the provider counts them; `cached_tokens` are part of input."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def metadata(self) -> UsageMetadata:
        known = UsageMetadata(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            total_tokens=self.input_tokens + self.output_tokens,
        )
        if self.cached_tokens:
            known["input_token_details"] = InputTokenDetails(cache_read=self.cached_tokens)
        return known


@dataclass(slots=True, frozen=True)
class ToolCallPart:
    """A piece of a tool call. `index` says which call of the turn it belongs to."""

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(slots=True)
class Delta:
    """One piece of a reply: any of its fields may be empty."""

    text: str = ""
    tool_calls: Sequence[ToolCallPart] = ()
    usage: Usage | None = None
    finish_reason: str | None = None


@dataclass(slots=True, frozen=True)
class ToolCall:
    """A whole tool call. `arguments` is the raw text; `parsed` is None when `error` is set."""

    id: str
    name: str
    arguments: str
    parsed: dict[str, Any] | None
    error: str | None = None


@dataclass(slots=True)
class Turn:
    """One whole reply of a model."""

    text: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    usage: Usage | None = None
    finish_reason: str | None = None

    def message(self) -> AIMessage:
        """The reply as LangChain's message: calls whose arguments don't parse are kept as such."""
        return AIMessage(
            content=self.text,
            tool_calls=[
                tool_call(name=call.name, args=call.parsed, id=call.id)
                for call in self.tool_calls
                if call.parsed is not None
            ],
            invalid_tool_calls=[
                invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=call.error)
                for call in self.tool_calls
                if call.parsed is None
            ],
            usage_metadata=self.usage.metadata() if self.usage else None,
            response_metadata={"finish_reason": self.finish_reason} if self.finish_reason else {},
        )


@runtime_checkable
class ChatStream(Protocol):
    """A model the run loop can drive.

    `tools` are in the OpenAI form. Failures are `errors.ModelError`s, and nothing retries. The
    iterator is an async generator: close it (`contextlib.aclosing`) when leaving it early.
    """

    def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]: ...


class _OpenCall:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


# A piece of text for every token of a long reply would take ten times the reply's own memory.
TOGETHER = 16


def put_together(pieces: list[str]) -> None:
    """Make one of the last TOGETHER pieces."""
    pieces[-TOGETHER:] = ["".join(pieces[-TOGETHER:])]


class TurnBuilder:
    """Puts deltas together; use it directly when each delta is also forwarded as it comes."""

    __slots__ = ("_by_index", "_calls", "_finish", "_loose", "_text", "_usage")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._loose = 0
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int, _OpenCall] = {}
        self._usage: Usage | None = None
        self._finish: str | None = None

    def add(self, delta: Delta) -> None:
        if delta.text:
            self._text.append(delta.text)
            self._loose += 1
            if self._loose == TOGETHER:
                self._loose = 0
                put_together(self._text)
        for part in delta.tool_calls:
            self._add_part(part)
        if delta.usage is not None:
            self._usage = delta.usage
        if delta.finish_reason is not None:
            self._finish = delta.finish_reason

    def _add_part(self, part: ToolCallPart) -> None:
        call = self._by_index.get(part.index)
        # Some servers number every call of a turn 0: another id with a name is another call.
        if call is None or (part.id and part.name and call.id and part.id != call.id):
            call = _OpenCall()
            self._by_index[part.index] = call
            self._calls.append(call)
        call.id = call.id or part.id or ""
        call.name = call.name or part.name or ""
        if part.arguments:
            call.arguments.append(part.arguments)

    def turn(self) -> Turn:
        calls: list[ToolCall] = []
        taken: set[str] = set()
        for index, call in enumerate(self._calls):
            name = call.id or f"call_{index}"
            if name in taken:
                name = f"{name}_{index}"
            taken.add(name)
            raw = "".join(call.arguments)
            parsed, error = parse_arguments(raw)
            calls.append(ToolCall(name, call.name, raw, parsed, error))
        return Turn("".join(self._text), calls, self._usage, self._finish)


def parse_arguments(raw: str) -> tuple[dict[str, Any] | None, str | None]:
    """`(arguments, None)`, or `(None, why not)`: a model's bad JSON is data, not an exception."""
    if not raw.strip():
        return {}, None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return None, f"The arguments are not valid JSON: {error}"
    if not isinstance(value, dict):
        return None, f"The arguments must be a JSON object, not {type(value).__name__}."
    return value, None


async def collect(deltas: AsyncIterator[Delta]) -> Turn:
    """The whole turn; the iterator is closed in every case, cancellation included."""
    builder = TurnBuilder()
    async with aclosing(cast("Any", deltas)):
        async for delta in deltas:
            builder.add(delta)
    return builder.turn()


def adapt(model: Any) -> ChatStream:
    """Any LangChain chat model as a `ChatStream`; a model that is one already comes back as is."""
    # Asked of the type: a LangChain binding forwards unknown attributes to the model inside it,
    # and calling that one would drop what was bound.
    if hasattr(type(model), "stream_turn"):
        return cast("ChatStream", model)
    from agents.models_llm.adapter import AdaptedChat

    return AdaptedChat(model)
