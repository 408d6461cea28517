"""Any LangChain chat model behind the `ChatStream` protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from agents.models_llm.errors import (
    ConnectFailed,
    ModelError,
    ModelTimeout,
    StreamCut,
    from_payload,
    from_status,
)
from agents.models_llm.protocol import Delta, ToolCallPart, Usage

# Why a turn ended, in the words of OpenAI's protocol, which the rest of the product reads.
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}


class AdaptedChat:
    """Streams a turn through `.bind_tools(...).astream(...)`.

    Slower than a native `stream_turn` (LangChain builds a message and runs callbacks for every
    chunk); it opens every provider that has a LangChain model. `secret` is taken out of what the
    provider says. With `says_its_end` a stream that ends without a reason was cut. `given` are
    parameters of every call.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        secret: str = "",
        says_its_end: bool = False,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self._secret = secret
        self._says_its_end = says_its_end
        self._given = dict(given or {})

    async def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]:
        runnable: Any = self.model
        choice = {"tool_choice": params.pop("tool_choice")} if "tool_choice" in params else {}
        if tools:
            runnable = runnable.bind_tools(tools, **choice)
        params = {n: value for n, value in {**self._given, **params}.items() if value is not None}
        chunks = runnable.astream(messages, **params)
        # LangChain's chunks count what is new; a `Delta` carries what there is so far.
        usage: Usage | None = None
        finished = False
        try:
            async with aclosing(cast("Any", chunks)):
                async for chunk in chunks:
                    delta = _delta(chunk)
                    if delta is None:
                        continue
                    if delta.usage is not None:
                        usage = delta.usage = _added(usage, delta.usage)
                    finished = finished or delta.finish_reason is not None
                    yield delta
        except ModelError:
            raise
        except TimeoutError:
            raise ModelTimeout("The model did not answer in time.") from None
        except Exception as error:
            # From None where it is typed: providers' errors carry the request and its key.
            raise _typed(error, self._secret) from None
        if self._says_its_end and not finished:
            raise StreamCut("The reply ended before it was finished.")


def _added(before: Usage | None, new: Usage) -> Usage:
    if before is None:
        return new
    return Usage(
        before.input_tokens + new.input_tokens,
        before.output_tokens + new.output_tokens,
        before.cached_tokens + new.cached_tokens,
    )


def _delta(chunk: BaseMessage) -> Delta | None:
    """None for a chunk that carries nothing (providers open and close their streams with some)."""
    parts: list[ToolCallPart] = []
    if isinstance(chunk, AIMessageChunk):
        parts = [
            ToolCallPart(
                part.get("index") or 0, part.get("id"), part.get("name"), part.get("args") or ""
            )
            for part in chunk.tool_call_chunks
        ]
    known = getattr(chunk, "usage_metadata", None)
    usage = None
    if known:
        details = known.get("input_token_details") or {}
        usage = Usage(
            known.get("input_tokens", 0),
            known.get("output_tokens", 0),
            details.get("cache_read") or 0,
        )
    said = chunk.response_metadata
    finish = said.get("finish_reason") or said.get("stop_reason")
    text = str(chunk.text)
    if not (text or parts or usage or finish):
        return None
    return Delta(text, parts, usage, _REASONS.get(finish, finish) if finish else None)


def _typed(error: Exception, secret: str) -> ModelError:
    """What a provider's exception stands for.

    Our own transport's typed error may be somewhere below it. Providers' clients (openai,
    anthropic and others) carry `status_code` on theirs, and `body` with what was said.
    """
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ModelError):
            return below
        below = below.__cause__ or below.__context__
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    if isinstance(status, int) and status >= 300:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return from_status(status, body, retry_after=headers.get("retry-after"), secret=secret)
    if isinstance(body, dict):  # an error object in a stream that had begun with status 200
        return from_payload(body, secret=secret)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "APITimeoutError" in kinds:
        return ModelTimeout("The model did not answer in time.")
    if "APIConnectionError" in kinds:
        return ConnectFailed("The model endpoint can't be reached.")
    return ModelError(f"The model failed ({type(error).__name__}).")
