"""What is wrong with a CEL expression, and where: the checker's words in ours, types from schemas.

Used for whatever is written in CEL: conditions of grants, expressions of workflows. What may be
asked there is given as `known`: the names of the variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.conditions import library

DEEPEST = 3
"""Levels of nested arguments whose types are looked at."""

_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_UNKNOWN = re.compile(r"undeclared reference to '([^']+)'")
_COMPARING = frozenset({"_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "@in"})
_NUMBERS = frozenset({"int", "uint", "double"})


@dataclass(frozen=True, slots=True)
class Issue:
    """One mistake; line and column count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}, column" if self.line > 1 else "column"
        return f"{place} {self.column}: {self.message}"

    def as_json(self) -> dict[str, int | str]:
        return {"line": self.line, "column": self.column, "message": self.message}


def checked(compile_: Any, expression: str, known: Sequence[str]) -> tuple[str, list[Issue]]:
    """The type that an expression gives, such as BOOL or LIST<STRING>, and what is wrong with it.

    The type is "" where the checker refused; without an issue it then was stricter than a call
    will be.
    """
    try:
        return str(compile_(expression).return_type().name()), []
    except RuntimeError as error:
        text = str(error)
        places = _ERROR.findall(text)
        if not places:
            deep = "recursion limit" in text
            said = "It is nested too deeply." if deep else f"It can't be used: {text}."
            return "", [Issue(1, 1, said)]
        found = []
        for line, column, message in places:
            if sentence := _sentence(message.removesuffix(" [INVALID_ARGUMENT]"), known):
                found.append(Issue(int(line), int(column), sentence))
        return "", found


def _sentence(message: str, known: Sequence[str]) -> str:
    """The checker's message in words; empty where it is stricter than a call will be."""
    if overload := _OVERLOAD.match(message):
        operator, types = overload[1], overload[2].split(", ")
        compared = {kind.removeprefix("list(").rstrip(")") for kind in types}
        if "*error*" in types or (operator in _COMPARING and compared <= _NUMBERS):
            return ""  # numbers are compared whatever their kind
        shown = operator.strip("_@").replace("_", "") or operator
        if operator[:1] in "_!-@":
            if len(types) == 1:
                return f"{shown} doesn't work on {types[0]}."
            return f"{shown} doesn't work between {' and '.join(types)}.{_advice(set(types))}"
        return f"{shown}() doesn't take {', '.join(types)}."
    if unknown := _UNKNOWN.match(message):
        return f"{unknown[1]} is not known. Known are {', '.join(known)} and CEL's functions."
    if message.startswith("Syntax error: "):
        text = message.removeprefix("Syntax error: ").partition(" expecting ")[0]
        return f"This can't be read: {text.replace(chr(39) + '<EOF>' + chr(39), 'the end')}."
    return message[:1].upper() + message[1:] + "."


def _advice(types: set[str]) -> str:
    if types <= _NUMBERS:
        return " Write a whole number as 2.0, or convert with double() or int()."
    return " Ask with has() whether it is given." if "null_type" in types else ""


def unknown_fields(
    expression: str, fields: Mapping[str, tuple[str, ...] | None]
) -> Iterator[Issue]:
    """Fields of the variables that there never are: a misspelt one would fail at every call.

    `fields` has those of each variable, None where nothing is known of them.
    """
    roots = "|".join(map(re.escape, fields))
    named = re.compile(rf"(?<![\w.])({roots})\s*\.\s*([A-Za-z_]\w*)(?!\w)(?!\s*\()")
    blank = without_strings(expression)
    for match in named.finditer(blank):
        names = fields[match[1]]
        if names is not None and match[2] not in names:
            before = blank[: match.start(2)]
            line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
            listed = ", ".join(names) or "none"
            yield Issue(line, column, f"{match[1]} has no {match[2]}. There is: {listed}.")


def without_strings(expression: str) -> str:
    """The expression with blanks for its texts, everything else at its place."""
    return _STRING.sub(lambda match: " " * len(match[0]), expression)


def without_has(expression: str, roots: Sequence[str]) -> str:
    """The expression with each has() of a variable's field as true, at the same places.

    has() asks whether something is given, whatever its type.
    """
    named = "|".join(map(re.escape, roots))
    has = re.compile(rf"\bhas\(\s*(?:{named})(?:\s*\.\s*\w+)+\s*\)")
    return has.sub(lambda match: "true".ljust(len(match[0])), expression)


def schema_variables(
    prefix: str, schema: Mapping[str, Any], defs: Mapping[str, Any], levels: int = DEEPEST
) -> Iterator[tuple[str, Any]]:
    """The properties of an object's JSON schema as variables `prefix.name` with their types."""
    for name, inner in (schema.get("properties") or {}).items():
        if not name.isidentifier():
            continue
        meant = _meant(inner, defs)
        yield f"{prefix}.{name}", _type(meant, defs, levels)
        if levels > 1 and meant.get("properties"):
            yield from schema_variables(f"{prefix}.{name}", meant, defs, levels - 1)


def _meant(schema: Any, defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema behind a reference, and of one that may be null what it is otherwise."""
    for _ in range(DEEPEST):
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            schema = defs.get(str(schema["$ref"]).rpartition("/")[2], {})
            continue
        options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if len(options) == 1:
            schema = options[0]
            continue
        return {} if options else schema
    return {}


def _type(schema: Mapping[str, Any], defs: Mapping[str, Any], levels: int) -> Any:
    cel = library()
    simple = {
        "string": cel.Type.STRING,
        "integer": cel.Type.INT,
        "number": cel.Type.DOUBLE,
        "boolean": cel.Type.BOOL,
        "object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    kind = schema.get("type")
    if kind == "array" and levels > 1:
        return cel.Type.List(_type(_meant(schema.get("items"), defs), defs, levels - 1))
    return simple.get(kind, cel.Type.DYN) if isinstance(kind, str) else cel.Type.DYN
