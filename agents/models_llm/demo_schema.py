"""JSON schemas as the demo model reads them: what a property holds, and a value that is valid."""

from __future__ import annotations

from typing import Any

_DEEPEST = 6


def resolve(schema: Any, root: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """The schema behind `$ref`, `allOf` and "or null", its own description kept."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}
    target: Any = None
    if "$ref" in schema:
        target = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target.get(part, {}) if isinstance(target, dict) else {}
    else:
        for union in ("allOf", "anyOf", "oneOf"):
            options = [o for o in schema.get(union) or () if o != {"type": "null"}]
            if options:
                target = options[0]
                break
    if target is None:
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [k for k in kind if k != "null"]
            return {**schema, "type": kinds[0] if kinds else "null"}
        return schema
    kept = {name: schema[name] for name in ("description", "default") if name in schema}
    return {**resolve(target, root, depth + 1), **kept}


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each property of an object schema, resolved."""
    found = schema.get("properties") or {}
    return {name: resolve(inner, schema) for name, inner in found.items()}


def placeholder(schema: Any, root: dict[str, Any], text: str = "", depth: int = 0) -> Any:
    """A value that is valid for the schema; free text comes from `text`. The same one each time."""
    schema = resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    if kind == "object":
        if depth > _DEEPEST:
            return {}
        inner = schema.get("properties") or {}
        required = schema.get("required") or []
        return {n: placeholder(inner.get(n, {}), root, text, depth + 1) for n in required}
    if kind == "array":
        count = schema.get("minItems", 0)
        return [placeholder(schema.get("items") or {}, root, text, depth + 1)] * count
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    return {"boolean": False, "null": None}.get(kind, _text(schema, text))


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value taken from a message keeps the limits a schema states."""
    if schema.get("enum") and value not in schema["enum"]:
        return False
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return not bool(
            value < schema.get("minimum", value)
            or value > schema.get("maximum", value)
            or ("exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"])
            or ("exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"])
        )
    return True


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    step = schema.get("multipleOf") or (1 if whole else 0)
    if "minimum" in schema:
        value = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        value = schema["exclusiveMinimum"] + (step or 1)
    elif "maximum" in schema:
        value = min(0, schema["maximum"])
    elif "exclusiveMaximum" in schema:
        value = min(0, schema["exclusiveMaximum"] - (step or 1))
    else:
        value = 0
    if step and value % step:
        value += step - value % step
    return int(value) if whole else value


_FORMATS = {
    "date": "2000-01-01",
    "time": "00:00:00",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _text(schema: dict[str, Any], text: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    value = text or "demo"
    value = value[: schema.get("maxLength", len(value))]
    return value.ljust(schema.get("minLength", 0), ".")
