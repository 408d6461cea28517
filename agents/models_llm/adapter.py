"""Any LangChain chat model behind the `ChatStream` protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from agents.models_llm.errors import ModelError, ModelTimeout, from_status
from agents.models_llm.protocol import Delta, ToolCallPart, Usage


class AdaptedChat:
    """Streams a turn through `.bind_tools(...).astream(...)`.

    Slower than a native `stream_turn` (LangChain builds a message and runs callbacks for every
    chunk); it opens every provider that has a LangChain model.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self.model = model

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
        chunks = runnable.astream(messages, **params)
        try:
            async with aclosing(cast("Any", chunks)):
                async for chunk in chunks:
                    delta = _delta(chunk)
                    if delta is not None:
                        yield delta
        except ModelError:
            raise
        except TimeoutError:
            raise ModelTimeout("The model did not answer in time.") from None
        except Exception as error:
            raise _typed(error) from error


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
    finish = chunk.response_metadata.get("finish_reason")
    text = str(chunk.text)
    if not (text or parts or usage or finish):
        return None
    return Delta(text, parts, usage, finish)


def _typed(error: Exception) -> ModelError:
    """Providers' clients (openai, anthropic and others) carry `status_code` on their errors."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 300:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return from_status(status, retry_after=headers.get("retry-after"))
    return ModelError(f"The model failed ({type(error).__name__}).")
