"""From what the model wrote to a tool's typed arguments, or to an error that the model can mend."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any, NoReturn

from django.conf import settings
from pydantic import BaseModel, ValidationError

from agents.tools.errors import ArgumentError, ToolFailure
from agents.tools.output import storable
from agents.tools.spec import ToolSpec

DEFAULT_MAX_CHARS = 64_000
SHOWN_ERRORS = 8
SHOWN_VALUE = 60  # characters of a wrong value that are repeated to the model
logger = logging.getLogger(__name__)


def parse_arguments(
    spec: ToolSpec, raw: str | dict[str, Any] | None, *, max_chars: int | None = None
) -> BaseModel:
    """The arguments as the tool's model. Raises `ArgumentError`, whose message is for the model.

    `raw` is JSON text or the value read from it; nothing at all means no arguments. At most
    `max_chars` characters of JSON are taken (setting TOOL_MAX_ARGUMENTS unless given).
    """
    given = _decoded(spec, raw, _limit() if max_chars is None else max_chars)
    try:
        return spec.arguments.model_validate(given)
    except ValidationError as error:
        raise _error(spec, _explained(error)) from None
    except Exception as error:
        # A validator of the tool's own that broke: the tool's fault, and not for the model to mend.
        error_id = secrets.token_hex(4)
        logger.exception("arguments of tool %s, error id %s", spec.name, error_id)
        message = f"the tool failed (error id {error_id})"
        raise ToolFailure(message, error_id=error_id) from error


def _limit() -> int:
    if not settings.configured:
        return DEFAULT_MAX_CHARS
    return int(getattr(settings, "TOOL_MAX_ARGUMENTS", DEFAULT_MAX_CHARS))


def _decoded(spec: ToolSpec, raw: str | dict[str, Any] | None, limit: int) -> dict[str, Any]:
    try:
        if isinstance(raw, str):
            size, value = len(raw), None
            if size <= limit:
                value = json.loads(raw, parse_constant=_no_constant) if raw.strip() else {}
        else:
            value = {} if raw is None else raw
            size = len(json.dumps(value, ensure_ascii=False))
        keepable = storable(value) == value
    except (ValueError, TypeError) as error:
        raise _error(spec, [f"they are not valid JSON: {error}"]) from None
    except RecursionError:
        raise _error(spec, ["they are nested too deeply"]) from None
    if size > limit:
        raise _error(spec, [f"they are {size:,} characters long, and {limit:,} are allowed"])
    if not isinstance(value, dict):
        raise _error(spec, [f"expected one JSON object, got {_shown(value)}"])
    if not keepable:  # neither the journal nor a tool's table could hold it
        raise _error(spec, ["a NUL, half a surrogate pair or an endless number can't be taken"])
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _explained(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False)
    lines = []
    for item in found[:SHOWN_ERRORS]:
        where = ".".join(str(part) for part in item["loc"]) or "arguments"
        if item["type"] == "missing":
            lines.append(f"{where} is missing")
        elif item["type"] == "extra_forbidden":
            lines.append(f"{where} is not an argument of this tool")
        else:
            lines.append(f"{where}: {_reason(item['msg'])}, got {_shown(item['input'])}")
    if len(found) > SHOWN_ERRORS:
        lines.append(f"and {len(found) - SHOWN_ERRORS} more")
    return lines


def _reason(message: str) -> str:
    """Pydantic's sentence, shortened to go between a field's name and the value that was given."""
    for prefix, instead in (("Input should be ", "expected "), ("Value error, ", "")):
        if message.startswith(prefix):
            message = instead + message.removeprefix(prefix)
    return message.rstrip(".")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}..."


def _error(spec: ToolSpec, reasons: list[str]) -> ArgumentError:
    return ArgumentError(
        f"the arguments of {spec.name} are not right: {'; '.join(reasons)}. {_takes(spec)}"
    )


def _takes(spec: ToolSpec) -> str:
    """The tool's fields in one line: `It takes: text (required, string), limit (integer).`"""
    required = set(spec.parameters.get("required", ()))
    fields = [
        f"{name} ({'required, ' if name in required else ''}{_type(schema)})"
        for name, schema in spec.parameters.get("properties", {}).items()
    ]
    return f"It takes: {', '.join(fields)}." if fields else "It takes no arguments."


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(value) for value in schema["enum"])
    return str(schema.get("type", "object"))
