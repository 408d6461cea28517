"""What a tool returned, made fit for the model to read and for the journal to keep."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`text` is what the model is shown, `data` JSON for the journal, `cut` characters left out.

    When the output was cut, `data` is the shown text too: half of a JSON value is of no use.
    """

    text: str
    data: Any
    cut: int = 0


def shape(value: Any, max_output: int) -> ToolResult:
    """The result within `max_output` characters. Raises TypeError or ValueError if not data."""
    data = storable(_plain(value))
    text = data if isinstance(data, str) else _compact(data)
    if len(text) <= max_output:
        return ToolResult(text=text, data=data)
    shown, lost = shorten(text, max_output)
    return ToolResult(text=shown, data=shown, cut=lost)


def shorten(text: str, limit: int) -> tuple[str, int]:
    """`text` in at most `limit` characters, its end saying how much is missing, and that number."""
    if len(text) <= limit:
        return text, 0
    # The marker's own length depends on the number it names: reserve for the longest that may be.
    room = max(0, limit - len(_marker(len(text), len(text))))
    lost = len(text) - room
    return text[:room] + _marker(lost, len(text)), lost


def _marker(lost: int, total: int) -> str:
    return f"\n[cut: the last {lost:,} of {total:,} characters are not shown]"


def storable(value: Any) -> Any:
    """A copy that Postgres can keep: text without NUL and lone surrogates, JSON without NaN."""
    kind = type(value)
    if kind is str:
        return _clean(value)
    if kind is int or kind is bool or value is None:
        return value
    if kind is dict:
        return {_clean(str(key)): storable(inner) for key, inner in value.items()}
    if kind is list:
        return [storable(inner) for inner in value]
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {_clean(str(key)): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value


def _clean(text: str) -> str:
    if text.isascii():
        return text.replace("\0", _REPLACEMENT) if "\0" in text else text
    return (
        text.replace("\0", _REPLACEMENT)
        .encode("utf-16", "surrogatepass")
        .decode("utf-16", "replace")
    )


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if value is None or isinstance(value, str):
        return value
    return to_jsonable_python(value, inf_nan_mode="constants")


def _compact(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(", ", ": "))
