"""A form of a JSON schema: its fields as a page shows them, and what was posted read back.

For flat objects, as tools' arguments and their questions are: text, numbers, choices, lists of
lines; what is nested is written as JSON. Only what can't be read is refused here: whether the
values fit is for whoever takes them to say, and `refuse` puts their errors beside the fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

_PREFIX = "field-"
# Up to so many characters a text has one line.
_ONE_LINE = 200
_MOST_JSON_DEPTH = 40
NEEDED = "This is needed."


@dataclass(slots=True)
class FormField:
    """`kind`: text, long, integer, number, one, several, lines or json.

    `value` is what stands in the field; of `several`, `chosen` are the choices that are ticked.
    A choice is (value as JSON, label).
    """

    name: str
    kind: str
    label: str
    help: str
    required: bool
    value: str = ""
    chosen: list[str] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    limits: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def posted_as(self) -> str:
        return f"{_PREFIX}{self.name}"

    @property
    def rows(self) -> int:
        return min(max(self.value.count("\n") + 2, len(self.value) // 70 + 1, 2), 14)

    def show(self, value: Any) -> None:
        if self.kind == "several":
            self.chosen = [as_choice(one) for one in value] if isinstance(value, list) else []
        else:
            self.value = _shown(self.kind, value)


class SchemaForm:
    """The properties of an object's schema, filled with `values` or with their defaults."""

    def __init__(self, schema: dict[str, Any], values: dict[str, Any] | None = None) -> None:
        self.errors: list[str] = []
        self._values = dict(values or {})
        needed = set(schema.get("required") or ())
        self.fields = [
            _field(name, part, schema, name in needed)
            for name, part in (schema.get("properties") or {}).items()
        ]
        for one in self.fields:
            if one.name not in self._values and values is None:
                default = _resolved(schema["properties"][one.name], schema).get("default")
                if default is not None:
                    self._values[one.name] = default
            one.show(self._values.get(one.name))

    def read(self, post: QueryDict) -> dict[str, Any] | None:
        """The values that were posted; None when some can't be read, with `errors` in the fields.

        An empty field that isn't needed is left out. What wasn't touched stays as it was, whatever
        a field can show of it.
        """
        found: dict[str, Any] = {}
        for one in self.fields:
            before = (one.value, list(one.chosen))
            if one.kind == "several":
                one.chosen = [choice for choice in post.getlist(one.posted_as) if choice]
            else:
                one.value = _clean(post.get(one.posted_as, ""))
            if (one.value, one.chosen) == before and one.name in self._values:
                found[one.name] = self._values[one.name]
                continue
            empty = not one.chosen if one.kind == "several" else not one.value.strip()
            if empty and one.kind != "several":
                if one.required:
                    one.errors.append(NEEDED)
                continue
            try:
                found[one.name] = _read(one)
            except ValueError as error:
                one.errors.append(str(error))
        return None if any(one.errors for one in self.fields) else found

    def refuse(self, errors: Iterable[dict[str, Any]], place: str) -> None:
        """Put a problem's errors beside their fields; `place` is what their `loc` begins with."""
        by_name = {one.name: one for one in self.fields}
        for error in errors:
            loc = [str(part) for part in error["loc"]]
            inside = loc[1:] if loc[:1] == [place] else loc
            known = by_name.get(inside[0]) if inside else None
            if known is None:
                said = ".".join(inside)
                self.errors.append(f"{said}: {error['msg']}" if said else error["msg"])
            else:
                deeper = ".".join(inside[1:])
                known.errors.append(f"{deeper}: {error['msg']}" if deeper else error["msg"])


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError with a sentence that says where it breaks."""
    try:
        value = json.loads(_clean(text), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"This is not valid JSON: {error.msg.lower()} at {place}.") from None
    except RecursionError:
        raise ValueError("This is nested too deeply.") from None
    if _depth(value) > _MOST_JSON_DEPTH:
        raise ValueError("This is nested too deeply.")
    return value


def as_choice(value: Any) -> str:
    """A choice's value as it is posted."""
    return json.dumps(value, ensure_ascii=False)


def words(name: str) -> str:
    """`due_date` as people read it: Due date."""
    said = name.replace("_", " ").strip()
    return said[:1].upper() + said[1:]


# --- the schema ---------------------------------------------------------------------------------


def _field(name: str, part: dict[str, Any], root: dict[str, Any], required: bool) -> FormField:
    node = _resolved(part, root)
    kind, choices = _kind(node, root)
    generated = name.replace("_", " ").title()  # what pydantic makes of a name by itself
    title = node.get("title")
    made = FormField(
        name=name,
        kind=kind,
        label=title if title and title != generated else words(name),
        help=node.get("description") or "",
        required=required,
        choices=choices,
    )
    if kind in ("text", "long"):
        made.limits = _named(node, minlength="minLength", maxlength="maxLength")
    elif kind in ("integer", "number"):
        made.limits = _named(node, min="minimum", max="maximum")
    return made


def _named(node: dict[str, Any], **names: str) -> dict[str, Any]:
    return {ours: node[theirs] for ours, theirs in names.items() if theirs in node}


def _kind(node: dict[str, Any], root: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    if "enum" in node or "const" in node:
        return "one", _choices(node)
    kind = node.get("type")
    if kind == "boolean":
        return "one", [("true", "Yes"), ("false", "No")]
    if kind in ("integer", "number"):
        return str(kind), []
    if kind == "string":
        short = "format" in node or node.get("maxLength", _ONE_LINE + 1) <= _ONE_LINE
        return ("text" if short else "long"), []
    if kind == "array":
        item = _resolved(node.get("items") or {}, root)
        if "enum" in item or "const" in item:
            return "several", _choices(item)
        if item.get("type") == "string":
            return "lines", []
    return "json", []


def _choices(node: dict[str, Any]) -> list[tuple[str, str]]:
    values = node["enum"] if "enum" in node else [node["const"]]
    return [
        (as_choice(value), value if isinstance(value, str) else as_choice(value))
        for value in values
        if value is not None
    ]


def _resolved(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The node without references and without the alternative of being null."""
    for _ in range(20):
        if "$ref" in node:
            target: Any = root
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target.get(part, {}) if isinstance(target, dict) else {}
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        elif len(node.get("allOf") or ()) == 1:
            node = _merged(node, "allOf", node["allOf"][0])
        elif node.get("anyOf") or node.get("oneOf"):
            several = "anyOf" if node.get("anyOf") else "oneOf"
            kept = [one for one in node[several] if one.get("type") != "null"]
            texts = [one for one in kept if one.get("type") == "string"]
            if len(kept) != 1 and not texts:
                return {key: value for key, value in node.items() if key != several}
            node = _merged(node, several, kept[0] if len(kept) == 1 else {"type": "string"})
        else:
            break
    if isinstance(node.get("type"), list):
        kinds = [kind for kind in node["type"] if kind != "null"]
        node = {**node, "type": kinds[0] if len(kinds) == 1 else None}
    return node


def _merged(node: dict[str, Any], keyword: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {**inner, **{key: value for key, value in node.items() if key != keyword}}


# --- values -------------------------------------------------------------------------------------


def _shown(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "one":
        return as_choice(value)
    if kind == "lines" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    if kind in ("json", "lines"):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return _clean(value) if isinstance(value, str) else as_choice(value)


def _read(one: FormField) -> Any:
    text = one.value
    match one.kind:
        case "integer":
            try:
                return int(text)
            except ValueError:
                raise ValueError("This has to be a whole number.") from None
        case "number":
            return _number(text)
        case "one":
            if text not in [value for value, _ in one.choices]:
                raise ValueError("Choose one of the choices.")
            return json.loads(text)
        case "several":
            known = [value for value, _ in one.choices]
            if not set(one.chosen) <= set(known):
                raise ValueError("Choose among the choices.")
            return [json.loads(value) for value in one.chosen]
        case "lines":
            return [line.strip() for line in text.split("\n") if line.strip()]
        case "json":
            return read_json(text)
    return text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        raise ValueError("This has to be a number.") from None
    if not math.isfinite(number):
        raise ValueError("This has to be a number.")
    return number


def _clean(text: str) -> str:
    """As a browser posts it and the database can keep it."""
    return text.replace("\r\n", "\n").replace("\x00", "")


def _no_constant(name: str) -> Any:
    raise ValueError(f"This is not valid JSON: there is no {name}.")


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deepest
