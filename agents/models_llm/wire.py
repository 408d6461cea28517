"""The OpenAI chat completions protocol: LangChain's messages out, deltas in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)

from agents.models_llm.errors import Garbage, ModelError, from_payload
from agents.models_llm.protocol import Delta, ToolCallPart, Turn, TurnBuilder, Usage

DONE = b"[DONE]"

# What a malformed but parseable payload raises when its parts are not of the expected types.
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def encode_messages(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Messages as the endpoint wants them. Raises ValueError for a kind it can't carry."""
    return [_encode(message) for message in messages]


def _encode(message: BaseMessage) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        # Lists of blocks (images, files) are rare: LangChain's slower converter knows them all.
        encoded = convert_to_openai_messages([message], text_format="string")[0]
        content = encoded["content"]
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": content}
    if isinstance(message, AIMessage):
        calls = _encode_calls(message)
        if calls:
            return {"role": "assistant", "content": content or None, "tool_calls": calls}
        return {"role": "assistant", "content": content}
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": content}
    if isinstance(message, ChatMessage):
        return {"role": message.role, "content": content}
    raise ValueError(f"A {type(message).__name__} can't be sent to a chat endpoint.")


def _encode_calls(message: AIMessage) -> list[dict[str, Any]]:
    calls = [(call["id"], call["name"], dump(call["args"])) for call in message.tool_calls]
    # Several servers parse the arguments of past calls and refuse the request when they can't:
    # what the model wrote goes back inside valid JSON.
    calls += [
        (call["id"], call["name"] or "", dump({"invalid_json": call["args"] or ""}))
        for call in message.invalid_tool_calls
    ]
    return [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in calls
    ]


def dump(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False)


def encode_body(body: dict[str, Any]) -> bytes:
    """The request's bytes. Raises ValueError when a parameter is not JSON."""
    try:
        return orjson.dumps(body)
    except TypeError:
        pass
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError(f"The request can't be written as JSON: {error}") from None


def read_chunk(data: bytes, *, secret: str = "") -> Delta | None:
    """One stream event as a delta, or None when it carries nothing.

    Raises `Garbage` when it is not the protocol, and the typed error an error object stands for.
    """
    try:
        chunk = orjson.loads(data)
        if chunk.get("error"):
            raise from_payload(chunk, secret=secret)
        counted = chunk.get("usage")
        usage = _usage(counted) if counted else None
        choices = chunk.get("choices")
        if not choices:
            return Delta(usage=usage) if usage else None
        choice = choices[0]
        delta = choice.get("delta") or {}
        finish = choice.get("finish_reason")
        text = delta.get("content") or delta.get("refusal") or ""
        if not isinstance(text, str):
            text = "".join(block.get("text") or "" for block in text)
        pieces = delta.get("tool_calls")
        parts = [_part(piece, at) for at, piece in enumerate(pieces)] if pieces else ()
    except ModelError:
        raise
    except _MALFORMED:
        raise Garbage("The model endpoint sent a stream that can't be read.") from None
    if not (text or parts or usage or finish):
        return None
    return Delta(text, parts, usage, finish)


def read_whole(data: bytes, *, secret: str = "") -> Turn:
    """A whole (not streamed) completion."""
    try:
        reply = orjson.loads(data)
        if reply.get("error"):
            raise from_payload(reply, secret=secret)
        choice = reply["choices"][0]
        message = choice["message"]
        text = message.get("content") or message.get("refusal") or ""
        if not isinstance(text, str):
            text = "".join(block.get("text") or "" for block in text)
        pieces = message.get("tool_calls") or ()
        # Whole calls carry no index, so their order is it.
        parts = [_part({**piece, "index": at}, at) for at, piece in enumerate(pieces)]
        counted = reply.get("usage")
        usage = _usage(counted) if counted else None
        finish = choice.get("finish_reason")
    except ModelError:
        raise
    except _MALFORMED:
        raise Garbage("The model endpoint sent a reply that can't be read.") from None
    builder = TurnBuilder()
    builder.add(Delta(text, parts, usage, finish))
    return builder.turn()


def as_delta(turn: Turn) -> Delta:
    """A whole turn as the single delta of a stream: some endpoints ignore `stream`."""
    parts = [
        ToolCallPart(at, call.id, call.name, call.arguments)
        for at, call in enumerate(turn.tool_calls)
    ]
    return Delta(turn.text, parts, turn.usage, turn.finish_reason)


def _part(piece: dict[str, Any], position: int) -> ToolCallPart:
    function = piece.get("function") or {}
    arguments = function.get("arguments") or ""
    if not isinstance(arguments, str):  # Ollama and others send an object
        arguments = dump(arguments)
    index = piece.get("index")
    return ToolCallPart(
        position if index is None else int(index), piece.get("id"), function.get("name"), arguments
    )


def _usage(counted: dict[str, Any]) -> Usage:
    details = counted.get("prompt_tokens_details") or {}
    return Usage(
        int(counted.get("prompt_tokens") or 0),
        int(counted.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
    )
