"""CEL in workflows: what is wrong with an expression, and what it gives as a JSON schema."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from agents.workflows.schemas import ANY, Schema, list_of, within
from approvals.conditions import library, reason
from approvals.expressions import (
    Issue,
    checked,
    schema_variables,
    without_has,
    without_strings,
)

_SIMPLE: dict[str, Schema] = {
    "BOOL": {"type": "boolean"},
    "INT": {"type": "integer"},
    "UINT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "STRING": {"type": "string"},
    "NULL": {"type": "null"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
}
_PART = re.compile(r"\.\s*([A-Za-z_]\w*)")
_LIST = re.compile(r"LIST<(.*)>")
_MAP = re.compile(r"MAP<STRING, (.*)>")
_UNKEPT = {
    "BYTES": "bytes, which can't be kept",
    "DURATION": "a duration, which can't be kept: write int(…) or string(…)",
}


def check(
    expression: str, roots: Mapping[str, Schema], *, wants: tuple[str, ...] = (), what: str = ""
) -> tuple[list[Issue], Schema]:
    """What is wrong with an expression over these variables, and the schema of what it gives.

    `wants` are the types (BOOL, STRING) that the place takes, none for any; `what` says it.
    """
    kinds = tuple((name, _kind(schema)) for name, schema in roots.items())
    gives, found = checked(_plain(kinds).compile, expression, tuple(roots))
    if not found:
        found = list(_unknown(expression, roots))
        typed, issues = _typed(expression, roots, kinds)
        found += issues
        gives = typed or gives
    if not found and wants and gives not in ("", "DYN", *wants):
        found = [Issue(1, 1, f"It gives {_words(gives)}, and {what}.")]
    if not found and gives in _UNKEPT and not wants:
        found = [Issue(1, 1, f"It gives {_UNKEPT[gives]}.")]
    places = {(one.line, one.column): one for one in found}
    return [places[place] for place in sorted(places)], schema_of(gives)


def schema_of(gives: str) -> Schema:
    """The JSON schema of a CEL type; anything where it isn't known."""
    if inner := _LIST.fullmatch(gives):
        return list_of(schema_of(inner[1]))
    if inner := _MAP.fullmatch(gives):
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    return _SIMPLE.get(gives, ANY)


def _words(gives: str) -> str:
    return _UNKEPT.get(gives, gives.lower()).partition(",")[0]


def _kind(schema: Schema) -> str:
    """How a variable is declared: a workflow's input may be a text, a round is a number."""
    return {"string": "text", "integer": "number"}.get(str(schema.get("type")), "object")


def _unknown(expression: str, roots: Mapping[str, Schema]) -> Iterator[Issue]:
    """Fields that there never are, however deep: a misspelt one would fail when it is asked."""
    blank = without_strings(expression)
    named = re.compile(rf"(?<![\w.])({'|'.join(roots)})((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?")
    for match in named.finditer(blank):
        parts = list(_PART.finditer(match[2]))
        if match[3]:
            parts.pop()  # a function of what is before it
        for number in range(1, len(parts) + 1):
            path = [part[1] for part in parts[:number]]
            if why := within(roots[match[1]], path, match[1])[1]:
                at = match.start(2) + parts[number - 1].start(1)
                before = blank[:at]
                column = at - (before.rfind("\n") + 1) + 1
                yield Issue(before.count("\n") + 1, column, f"{why}.")
                break


@functools.lru_cache(maxsize=32)
def _plain(kinds: tuple[tuple[str, str], ...]) -> Any:
    """Where every field may be of any type, as it is when the expression is asked."""
    return library().NewEnv(variables={name: _root(kind) for name, kind in kinds})


def _root(kind: str) -> Any:
    types = library().Type
    if kind == "object":
        return types.Map(types.STRING, types.DYN)
    return types.STRING if kind == "text" else types.INT


def _typed(
    expression: str, roots: Mapping[str, Schema], kinds: tuple[tuple[str, str], ...]
) -> tuple[str, list[Issue]]:
    """The same under the types of the schemas."""
    variables = {name: _root(kind) for name, kind in kinds}
    for name, schema in roots.items():
        variables.update(schema_variables(name, schema, {}))
    objects = tuple(name for name, kind in kinds if kind == "object")
    plain = without_has(expression, objects)
    return checked(library().NewEnv(variables=variables).compile, plain, tuple(roots))


class ExpressionFailed(Exception):
    """An expression that gives nothing for these values. Its text says why."""


def evaluate(expression: str, roots: Mapping[str, Any]) -> Any:
    """What an expression gives for these values, as JSON has it; a time as RFC 3339.

    Raises ExpressionFailed. The library counts iterations and gives up, as for conditions.
    """
    kinds = tuple((name, _kind_of(value)) for name, value in roots.items())
    try:
        found = _program(expression, kinds).eval(data=dict(roots))
        value = found.plain_value()
    except Exception as error:
        raise ExpressionFailed(reason(str(error))) from None
    if found.type().name() == "ERROR":
        raise ExpressionFailed(reason(str(value)))
    return _as_json(value)


@functools.lru_cache(maxsize=4096)
def _program(expression: str, kinds: tuple[tuple[str, str], ...]) -> Any:
    return _plain(kinds).compile(expression)


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, int) and not isinstance(value, bool) else "object"


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ExpressionFailed(f"it gives {type(value).__name__}, which can't be kept")
