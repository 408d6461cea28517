"""JSON schemas as types: what a place in a value has, whether one fits another, and why not.

Lenient where a schema says little: what nothing is known of fits everything. What it does say is
held to, so that a mistake is found when a workflow is published and not in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
_DEEPEST = 8
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


def object_of(properties: Mapping[str, Schema]) -> Schema:
    """An object that has these and nothing else."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def either(options: Sequence[Schema]) -> Schema:
    """A value of any of these."""
    different: list[Schema] = []
    for option in options:
        if option == ANY:
            return ANY
        if option not in different:
            different.append(option)
    return different[0] if len(different) == 1 else {"anyOf": different}


def inlined(schema: Any, root: Mapping[str, Any] | None = None, level: int = 0) -> Schema:
    """The schema without references; what leads into itself ends as anything."""
    if not isinstance(schema, dict) or level > _DEEPEST:
        return ANY
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
            if part:
                target = target.get(part) if isinstance(target, dict) else None
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**inlined(target, root, level + 1), **beside}
    found: Schema = {}
    for key, value in schema.items():
        if key in ("$defs", "definitions"):
            continue
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: inlined(one, root, level + 1) for name, one in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            found[key] = inlined(value, root, level + 1)
        elif key in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
            found[key] = [inlined(one, root, level + 1) for one in value]
        else:
            found[key] = value
    return found


def of_value(value: Any) -> Schema:
    """The schema of a constant."""
    if value is None:
        return {"type": "null"}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer"}
    if isinstance(value, float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, list):
        return list_of(either([of_value(one) for one in value]) if value else ANY)
    return object_of({name: of_value(one) for name, one in value.items()})


def within(schema: Schema, path: Sequence[str], whole: str) -> tuple[Schema, str]:
    """The schema at a place inside a value, and why there is no such place or "".

    `whole` is how the value itself is called.
    """
    called = whole
    for part in path:
        options = [one for one in _options(schema) if one.get("type") != "null"]
        if len(options) != 1:
            return ANY, ""
        schema = options[0]
        kind = schema.get("type")
        if kind == "array" and part.isdecimal():
            schema = schema.get("items") or ANY
        elif kind == "object" or "properties" in schema:
            properties = schema.get("properties") or {}
            more = schema.get("additionalProperties")
            if part in properties:
                schema = properties[part]
            elif isinstance(more, dict):
                schema = more
            elif properties and more in (None, False):
                return ANY, f"{called} has no {part}. There is: {', '.join(properties)}"
            else:
                schema = ANY
        elif isinstance(kind, str):
            return ANY, f"{called} is {shown(schema)} and has nothing inside"
        else:
            return ANY, ""
        called = f"{called}.{part}"
    return schema, ""


def misfit(given: Schema, wanted: Schema, level: int = 0) -> str:
    """Why what has one schema can't be given where the other is wanted; "" when it can."""
    if wanted == ANY or given == ANY or level > _DEEPEST:
        return ""
    for option in _options(given):
        reasons = [_one(option, want, level) for want in _options(wanted)]
        if reasons and all(reasons):
            if len(reasons) == 1:
                return reasons[0]
            return f"it is {shown(option)}, and {shown(wanted)} is wanted"
    return ""


def _one(given: Schema, wanted: Schema, level: int) -> str:
    want, have = wanted.get("type"), given.get("type")
    if isinstance(want, str) and isinstance(have, str):
        if want != have and not (want == "number" and have == "integer"):
            return f"it is {_WORDS.get(have, have)}, and {_WORDS.get(want, want)} is wanted"
        if want == "array":
            why = misfit(given.get("items") or ANY, wanted.get("items") or ANY, level + 1)
            return f"in its list, {why}" if why else ""
        if want == "object":
            return _objects(given, wanted, level)
    allowed = _allowed(wanted)
    if allowed is not None:
        possible = _allowed(given)
        stray = [one for one in possible or () if one not in allowed]
        if stray:
            return f"it may be {stray[0]!r}, and {_list(allowed)} is wanted"
    return ""


def _objects(given: Schema, wanted: Schema, level: int) -> str:
    has, wants = given.get("properties") or {}, wanted.get("properties") or {}
    closed = given.get("additionalProperties") is False or bool(has)
    for name in wanted.get("required") or ():
        if closed and name not in has and not given.get("additionalProperties"):
            return f"it has no {name}, which is needed"
    for name, inner in wants.items():
        if name in has and (why := misfit(has[name], inner, level + 1)):
            return f"in {name}, {why}"
    return ""


def value_misfit(value: Any, wanted: Schema) -> str:
    """Why a constant isn't what is wanted; "" when it is."""
    errors = sorted(Draft202012Validator(wanted).iter_errors(value), key=lambda e: e.json_path)
    return str(errors[0].message) if errors else ""


def shown(schema: Schema) -> str:
    """A schema in a few words: `a list of text`."""
    options = _options(schema)
    if len(options) > 1:
        return " or ".join(dict.fromkeys(shown(one) for one in options))
    kind = options[0].get("type") if options else None
    if kind == "array" and (options[0].get("items") or ANY) != ANY:
        return f"a list of {shown(options[0]['items']).removeprefix('a ').removeprefix('an ')}"
    return _WORDS.get(kind, "anything") if isinstance(kind, str) else "anything"


def _options(schema: Schema) -> list[Schema]:
    """A schema of several kinds as one for each."""
    for several in ("anyOf", "oneOf"):
        if isinstance(schema.get(several), list):
            return [inner for one in schema[several] for inner in _options(one)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _allowed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema["enum"] if isinstance(schema.get("enum"), list) else None


def _list(values: list[Any]) -> str:
    return " or ".join(repr(value) for value in values[:8])
