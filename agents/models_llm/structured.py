"""Structured output: a schema in, an object of that schema out."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Literal

import orjson
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ValidationError

Method = Literal["json_schema", "function_calling", "json_mode"]


def structured_output(
    model: BaseChatModel,
    schema: dict[str, Any] | type,
    *,
    method: Method = "json_schema",
    include_raw: bool = False,
    strict: bool | None = None,
) -> Runnable[LanguageModelInput, Any]:
    """A runnable that gives an instance of a pydantic `schema`, or a dict for any other schema.

    Parsing is strict: a reply that was cut short, or breaks the schema of a pydantic class, raises
    OutputParserException. With `include_raw` the result is `{raw, parsed, parsing_error}` and
    nothing is raised for a bad reply.
    """
    tool = convert_to_openai_tool(schema, strict=strict)
    function = tool["function"]
    noted = {"ls_structured_output_format": {"kwargs": {"method": method}, "schema": tool}}
    if method == "json_schema":
        wanted: dict[str, Any] = {
            "name": function["name"],
            "schema": function.get("parameters") or {"type": "object"},
        }
        if function.get("description"):
            wanted["description"] = function["description"]
        if strict is not None:
            wanted["strict"] = strict
        asking = model.bind(response_format={"type": "json_schema", "json_schema": wanted}, **noted)
    elif method == "json_mode":
        asking = model.bind(response_format={"type": "json_object"}, **noted)
    elif method == "function_calling":
        asking = model.bind_tools([tool], tool_choice=function["name"], **noted)  # type: ignore[assignment]
    else:
        raise ValueError(f"Unknown method {method!r}.")

    called = function["name"] if method == "function_calling" else None

    def parse(message: AIMessage) -> Any:
        return _validated(_payload(message, called), schema, str(message.text))

    parser = RunnableLambda(parse)
    if not include_raw:
        return asking | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asking) | parsed.with_fallbacks(
        [failed], exceptions_to_handle=(OutputParserException,), exception_key="parsing_error"
    )


def _payload(message: AIMessage, called: str | None) -> Any:
    if called is None:
        text = str(message.text)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise OutputParserException(
                f"The reply is not JSON: {error}", llm_output=text
            ) from None
    for call in message.tool_calls:
        if call["name"] == called:
            return call["args"]
    raise OutputParserException(
        f"The reply does not call {called!r}.", llm_output=str(message.text)
    )


def _validated(payload: Any, schema: dict[str, Any] | type, text: str) -> Any:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            return schema.model_validate(payload)
        except ValidationError as error:
            raise OutputParserException(
                f"The reply breaks the schema: {error}", llm_output=text
            ) from None
    if not isinstance(payload, dict):
        raise OutputParserException("The reply is not a JSON object.", llm_output=text)
    return payload
