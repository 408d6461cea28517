"""What is wrong with a condition, and where: found when a grant is written, not when it is needed.

CEL's own checker reads an expression twice. Once as it will be run, where arguments may be of any
type. And, where the tool is known, with each argument under the type of the tool's schema: then it
sees a text compared with a number, which at call time would be a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from approvals.conditions import LONGEST, compiled, library

_MEMBER = ("username", "email_domain", "roles")
_TENANT = ("slug", "domains")
KNOWN = ("args", "member", "tenant", "tainted", "component")
DEEPEST = 3
"""Levels of nested arguments whose types are looked at."""

_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
_HAS = re.compile(r"\bhas\(\s*(?:args|member|tenant)(?:\s*\.\s*\w+)+\s*\)")
_NAMED = re.compile(r"(?<![\w.])(args|member|tenant)\s*\.\s*([A-Za-z_]\w*)(?!\w)(?!\s*\()")
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


def issues(expression: str, parameters: Mapping[str, Any] | None = None) -> list[Issue]:
    """Everything wrong with an expression, in the order of the text; none for a good one.

    `parameters` is the JSON schema of the tool's arguments, None where they aren't known.
    """
    if not expression.strip():
        return [Issue(1, 1, "Write an expression, such as args.amount > 100.")]
    if len(expression) > LONGEST:
        return [Issue(1, LONGEST + 1, f"An expression has at most {LONGEST:,} characters.")]
    found = {(one.line, one.column): one for one in _compiling(compiled, expression)}
    if not found:
        for one in _unknown_names(expression, parameters):
            found[one.line, one.column] = one
    if parameters is not None:
        typed = library().NewEnv(variables=_typed(parameters))
        # has() asks whether an argument is given, whatever its type.
        plain = _HAS.sub(lambda match: "true".ljust(len(match[0])), expression)
        for one in _compiling(typed.compile, plain):
            found[one.line, one.column] = one  # it names the types
    return [found[place] for place in sorted(found)]


def _compiling(compile_: Any, expression: str) -> Iterator[Issue]:
    try:
        gives = compile_(expression).return_type().name()
    except RuntimeError as error:
        text = str(error)
        places = _ERROR.findall(text)
        if not places:
            deep = "recursion limit" in text
            yield Issue(1, 1, "It is nested too deeply." if deep else f"It can't be used: {text}.")
        for line, column, message in places:
            if sentence := _sentence(message.removesuffix(" [INVALID_ARGUMENT]")):
                yield Issue(int(line), int(column), sentence)
        return
    if gives not in ("BOOL", "DYN"):
        yield Issue(1, 1, f"It gives {gives.lower()}, and a condition gives true or false.")


def _sentence(message: str) -> str:
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
        return f"{unknown[1]} is not known. Known are {', '.join(KNOWN)} and CEL's functions."
    if message.startswith("Syntax error: "):
        text = message.removeprefix("Syntax error: ").partition(" expecting ")[0]
        return f"This can't be read: {text.replace(chr(39) + '<EOF>' + chr(39), 'the end')}."
    return message[:1].upper() + message[1:] + "."


def _advice(types: set[str]) -> str:
    if types <= _NUMBERS:
        return " Write a whole number as 2.0, or convert with double() or int()."
    return " Ask with has() whether it is given." if "null_type" in types else ""


def _unknown_names(expression: str, parameters: Mapping[str, Any] | None) -> Iterator[Issue]:
    """Fields that a call never has: a misspelt one would fail at every call."""
    known: dict[str, tuple[str, ...] | None] = {"member": _MEMBER, "tenant": _TENANT}
    open_ended = parameters is None or parameters.get("additionalProperties") not in (None, False)
    known["args"] = None if open_ended else tuple((parameters or {}).get("properties", ()))
    blank = _STRING.sub(lambda match: " " * len(match[0]), expression)
    for match in _NAMED.finditer(blank):
        names = known[match[1]]
        if names is not None and match[2] not in names:
            before = blank[: match.start(2)]
            line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
            listed = ", ".join(names) or "none"
            yield Issue(line, column, f"{match[1]} has no {match[2]}. There is: {listed}.")


def _typed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    cel = library()
    anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    text = cel.Type.STRING
    found = {
        "args": anything,
        "member": anything,
        "member.username": text,
        "member.email_domain": text,
        "member.roles": cel.Type.List(text),
        "tenant": anything,
        "tenant.slug": text,
        "tenant.domains": cel.Type.List(text),
        "tainted": cel.Type.BOOL,
        "component": text,
    }
    found.update(_arguments("args", parameters, parameters.get("$defs", {}), DEEPEST))
    return found


def _arguments(
    prefix: str, schema: Mapping[str, Any], defs: Mapping[str, Any], levels: int
) -> Iterator[tuple[str, Any]]:
    for name, inner in (schema.get("properties") or {}).items():
        if not name.isidentifier():
            continue
        meant = _meant(inner, defs)
        yield f"{prefix}.{name}", _type(meant, defs, levels)
        if levels > 1 and meant.get("properties"):
            yield from _arguments(f"{prefix}.{name}", meant, defs, levels - 1)


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
