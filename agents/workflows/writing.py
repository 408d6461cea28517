"""A spec as YAML: always the same text for the same spec, and read back it is the same spec."""

from __future__ import annotations

from typing import Any

import yaml

from agents.workflows.spec import HEADER, Graph, WorkflowSpec

# What comes first where it is there; the rest follows by its name, `nodes` and `result` last.
_FIRST = (
    *("id", "kind", "slug", "name", "title", "description", "run_roles"),
    *("agent", "team", "tool", "workflow", "revision", "ask", "message", "form", "roles"),
    *("when", "then", "else", "by", "routes", "otherwise", "over", "most", "until", "times"),
    *("seconds", "event", "from", "first", "value", "default"),
    *("task", "set", "args", "after", "skip_when"),
    *("timeout_ms", "retries", "on_error", "fallback", "expires_minutes"),
    *("input", "output", "limits"),
)
_LAST = ("concurrency", "wait_for", "nodes", "result")
_SCHEMA_FIRST = ("type", "description", "enum", "const", "items", "required", "properties")
_NAMED = frozenset({"args", "set", "routes", "result", "properties"})
"""Keys whose values are by names of the author's."""
_SCHEMAS = frozenset({"input", "output", "form"})
_VALUES = frozenset({"value", "default", "const", "enum", "examples"})

_OTHER_BREAKS = "\r\x85\u2028\u2029\ufeff"


class _Dumper(yaml.SafeDumper):
    """Lists are indented, texts of several lines are blocks, nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if any(letter in text for letter in _OTHER_BREAKS):
        style = '"'  # only between these are they written so that they come back
    elif "\n" in text and not any(line != line.rstrip() for line in text.split("\n")):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(spec: WorkflowSpec | Graph) -> str:
    """The file of a workflow, or the text of a graph."""
    shown = spec.model_dump(mode="json")
    return graph_yaml(shown)


def graph_yaml(data: dict[str, Any]) -> str:
    """The same of a spec's JSON; with a header first where it has one."""
    head = {key: data[key] for key in HEADER if key in data}
    rest = _part({key: value for key, value in data.items() if key not in HEADER})
    return str(
        yaml.dump(
            {**head, **rest},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=100,
        )
    )


def _part(value: Any) -> Any:
    """A part of a spec, its keys in their order."""
    if isinstance(value, list):
        return [_part(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key in sorted(value, key=_place):
        inner = value[key]
        if key in _VALUES:
            found[key] = inner
        elif key in _SCHEMAS and isinstance(inner, dict):
            found[key] = _schema(inner)
        elif key in _NAMED and isinstance(inner, dict):
            found[key] = {name: _part(inner[name]) for name in sorted(inner)}
        else:
            found[key] = _part(inner)
    return found


def _place(key: str) -> tuple[int, str]:
    if key in _FIRST:
        return _FIRST.index(key), ""
    if key in _LAST:
        return 1000 + _LAST.index(key), ""
    return 500, key


def _schema(value: Any) -> Any:
    if isinstance(value, list):
        return [_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key in sorted(value, key=_schema_place):
        inner = value[key]
        if key in _VALUES:
            found[key] = inner
        elif key in ("properties", "$defs") and isinstance(inner, dict):
            found[key] = {name: _schema(inner[name]) for name in sorted(inner)}
        else:
            found[key] = _schema(inner)
    return found


def _schema_place(key: str) -> tuple[int, str]:
    return (_SCHEMA_FIRST.index(key), "") if key in _SCHEMA_FIRST else (100, key)
