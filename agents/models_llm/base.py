"""LangChain's chat model interface on top of a native `stream_turn`."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.models_llm.connections import aclose_all
from agents.models_llm.protocol import Delta, Turn, collect
from agents.models_llm.structured import structured_output


class StreamingChat(BaseChatModel):
    """A chat model that streams natively; everything LangChain asks for is built from that."""

    @abstractmethod
    def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]:
        """See `protocol.ChatStream`."""

    async def complete_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> Turn:
        """A whole turn, for callers that show nothing while it is made."""
        return await collect(self.stream_turn(messages, tools, **params))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        deltas = self.stream_turn(messages, stop=stop or None, **kwargs)
        async with aclosing(cast("Any", deltas)):
            async for delta in deltas:
                yield _generation_chunk(delta)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turn = await self.complete_turn(messages, stop=stop or None, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=turn.message())])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """For scripts and shells: on an event loop's thread it raises RuntimeError."""

        async def alone() -> ChatResult:
            try:
                return await self._agenerate(messages, stop, **kwargs)
            finally:
                await aclose_all()

        return asyncio.run(alone())

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """`tool_choice`: a tool's name, "auto", "none", "any" (or True, "required"), or a dict."""
        formatted = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        choice = _tool_choice(tool_choice)
        if choice is not None:
            kwargs["tool_choice"] = choice
        return self.bind(tools=formatted, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """See `structured.structured_output` for `method` and `strict`."""
        return structured_output(self, schema, include_raw=include_raw, **kwargs)


def _tool_choice(choice: str | bool | dict[str, Any] | None) -> str | dict[str, Any] | None:
    if choice is True or choice in ("any", "required"):
        return "required"
    if isinstance(choice, str) and choice not in ("auto", "none"):
        return {"type": "function", "function": {"name": choice}}
    return choice or None


def _generation_chunk(delta: Delta) -> ChatGenerationChunk:
    message = AIMessageChunk(content=delta.text)
    if delta.tool_calls:
        message = AIMessageChunk(
            content=delta.text,
            tool_call_chunks=[
                tool_call_chunk(name=part.name, args=part.arguments, id=part.id, index=part.index)
                for part in delta.tool_calls
            ],
        )
    if delta.usage is not None:
        message.usage_metadata = delta.usage.metadata()
    finish = {"finish_reason": delta.finish_reason} if delta.finish_reason else None
    return ChatGenerationChunk(message=message, generation_info=finish)
