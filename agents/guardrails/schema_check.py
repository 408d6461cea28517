"""An answer against a JSON schema: what is wrong with it, in words that a model can mend it by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend

_MOST_ERRORS = 10
_MOST_CHARS = 300
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", re.DOTALL)
# A schema is the author's and is tried on what a model wrote, in a process that others share: what
# could take for ever is bounded or refused.
_LONGEST = 200_000
_MOST_REFS = 20
_PATTERN_SECONDS = 0.1


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not regex.search(pattern, instance, timeout=_PATTERN_SECONDS):
        yield ValidationError(f"it does not match {pattern!r}")


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})


def why_no_schema(schema: dict[str, Any]) -> str:
    """What is wrong with a schema, or ""."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"no JSON schema: {error.message[:_MOST_CHARS]}"
    found = list(_keywords(schema))
    refs = [value for name, value in found if name in ("$ref", "$dynamicRef")]
    if any(not isinstance(ref, str) or not ref.startswith("#") for ref in refs):
        return "a $ref may only lead to a place in the schema itself"
    if len(refs) > _MOST_REFS:
        return f"at most {_MOST_REFS} $ref are allowed"
    if any(name == "patternProperties" for name, _ in found):
        return "patternProperties is not supported here"
    for name, value in found:
        if name == "pattern" and isinstance(value, str):
            try:
                regex.compile(value)
            except regex.error as error:
                return f"the pattern {value!r} can't be read: {error}"
    return ""


def _keywords(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from _keywords(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keywords(inner)


def complaints(text: str, schema: dict[str, Any]) -> list[str]:
    """Where the text doesn't match; [] when it does. A JSON block in a fence counts as its JSON."""
    if len(text) > _LONGEST:
        return [f"The answer is longer than {_LONGEST:,} characters."]
    try:
        value = json_in(text)
    except (ValueError, RecursionError) as error:
        return [f"It is no JSON: {error}"]
    return [f"{e.json_path}: {e.message[:_MOST_CHARS]}" for e in _found(value, schema)]


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    return _Validator(json.loads(schema))


def json_in(text: str) -> Any:
    """The JSON that a text is, or that a fence in it holds. Raises ValueError."""
    fenced = _FENCED.fullmatch(text)
    return json.loads(fenced[1] if fenced else text)


def value_complaints(value: Any, schema: dict[str, Any]) -> list[str]:
    """Where a JSON value doesn't match; [] when it does."""
    return [f"{e.json_path}: {e.message[:_MOST_CHARS]}" for e in _errors(value, schema)]


def placed_complaints(
    value: Any, schema: dict[str, Any]
) -> list[tuple[tuple[str | int, ...], str]]:
    """The same as the way to each place, and what is wrong there."""
    return [(tuple(e.absolute_path), e.message[:_MOST_CHARS]) for e in _errors(value, schema)]


def _errors(value: Any, schema: dict[str, Any]) -> list[ValidationError]:
    try:
        return _found(value, schema)
    except (TimeoutError, RecursionError):
        return [ValidationError("it can't be compared with its schema in reasonable time")]


def _found(value: Any, schema: dict[str, Any]) -> list[ValidationError]:
    errors = _validator(json.dumps(schema)).iter_errors(value)
    return sorted(errors, key=lambda e: e.json_path)[:_MOST_ERRORS]


def mending(wrong: list[str], schema: dict[str, Any]) -> str:
    """What a model is asked when its answer didn't match."""
    listed = "\n".join(f"- {line}" for line in wrong)
    return (
        "Your answer doesn't match the form it must have:\n"
        f"{listed}\n\nThe JSON schema is:\n{json.dumps(schema, ensure_ascii=False)}\n\n"
        "Answer again with the whole corrected JSON and nothing else."
    )
