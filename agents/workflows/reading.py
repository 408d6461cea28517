"""From YAML to a spec, or to what is wrong with its form; what it means is asked later."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError

from agents.workflows import marks
from agents.workflows.flaws import KEY, Flaw, Path, sorted_flaws, with_node
from agents.workflows.parts import NAME, REFERENCE, SLUG
from agents.workflows.spec import HEADER, KINDS, Graph, WorkflowSpec

S = TypeVar("S", bound=Graph)

_PATTERNS = {
    NAME: "a name begins with a small letter; then small letters, digits and _, at most 64",
    SLUG: "a slug is of small letters, digits and hyphens, at most 64",
    REFERENCE: "a source is written node.field, or input.field",
}
_WORDS = {
    "missing": "{name} is missing.",
    "union_tag_not_found": "The node says no kind. There is: " + ", ".join(KINDS) + ".",
    "dict_type": "Expected an object: keys with values.",
    "model_type": "Expected an object: keys with values.",
    "tuple_type": "Expected a list.",
    "string_type": "Expected a text.",
    "int_type": "Expected a whole number.",
    "int_parsing": "Expected a whole number.",
    "float_type": "Expected a number.",
    "float_parsing": "Expected a number.",
}


@dataclass(frozen=True, slots=True)
class Read(Generic[S]):
    """`spec` is None when the text has no workflow's form; `flaws` say where. `marked` is None
    when it is no YAML.
    """

    spec: S | None
    flaws: tuple[Flaw, ...]
    marked: marks.Marked | None

    def located(self, flaws: Sequence[Flaw]) -> list[Flaw]:
        """Flaws that were found in the spec, with their nodes and places in the text."""
        if self.marked is None:
            return list(flaws)
        data = self.marked.data
        return sorted_flaws(self.marked.located(with_node(flaw, data)) for flaw in flaws)


def read_file(text: str) -> Read[WorkflowSpec]:
    """A workflow's file: the graph with slug, name, description and roles."""
    return _read(text, WorkflowSpec, ())


def read_graph(text: str) -> Read[Graph]:
    """The graph alone, as the console's form has it beside fields for the rest."""
    return _read(text, Graph, HEADER)


def _read(text: str, kind: type[S], elsewhere: tuple[str, ...]) -> Read[S]:
    if len(text) > settings.WORKFLOW_MAX_CHARS:
        said = f"A workflow has at most {settings.WORKFLOW_MAX_CHARS:,} characters."
        return Read(None, (Flaw((), said, line=1, column=1),), None)
    try:
        marked = marks.read(text)
    except marks.Unreadable as error:
        return Read(None, (error.flaw,), None)
    if not isinstance(marked.data, dict):
        said = "A workflow is an object: nodes, and what goes in and out."
        return Read(None, (marked.located(Flaw((), said)),), marked)
    try:
        return Read(kind.model_validate(marked.data), (), marked)
    except ValidationError as error:
        found: Read[S] = Read(None, (), marked)
        flaws = found.located(list(form_flaws(error, marked.data, kind, elsewhere)))
        return Read(None, tuple(flaws), marked)


def form_flaws(
    error: ValidationError, data: Any, kind: type[BaseModel], elsewhere: tuple[str, ...] = ()
) -> Iterator[Flaw]:
    """Pydantic's errors as flaws. `elsewhere` are keys that the form has fields for."""
    for problem in error.errors(include_url=False, include_input=False):
        path, node_kind = _path(problem["loc"], data)
        name = str(path[-1]) if path else ""
        if problem["type"] == "too_short" and _at(data, path):
            continue  # what is in it was refused, and is told by itself
        if problem["type"] == "extra_forbidden":
            if len(path) == 1 and name in elsewhere:
                said = f"{name} has a field of its own in the form: leave it out."
                yield Flaw(path, said, inside=KEY)
                continue
            yield Flaw(path, _unknown_key(name, path, node_kind, kind), inside=KEY)
            continue
        if name == "[key]":  # pydantic's word for a name that is refused
            yield Flaw(path[:-1], _sentence(problem, name), inside=KEY)
            continue
        yield Flaw(path, _sentence(problem, name))


def _path(loc: Sequence[Any], data: Any) -> tuple[Path, str]:
    """The place in the data, and of a node's own key the node's kind.

    After a node's place pydantic names the kind that it tried, which is no place.
    """
    path: list[str | int] = []
    at, tried, node_kind = data, False, ""
    for part in loc:
        if tried:
            tried = False
            if isinstance(at, dict) and at.get("kind") == part:
                node_kind = str(part)
                continue
        elif node_kind and not isinstance(path[-1], int):
            node_kind = ""  # further inside
        tried = isinstance(part, int) and path[-1:] == ["nodes"]
        path.append(part)
        at = at[part] if _has(at, part) else None
    return tuple(path), node_kind


def _has(value: Any, part: Any) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _at(value: Any, path: Sequence[Any]) -> Any:
    for part in path:
        if not _has(value, part):
            return None
        value = value[part]
    return value


def _unknown_key(name: str, path: Path, node_kind: str, kind: type[BaseModel]) -> str:
    known: list[str] = []
    if node_kind:
        known = _keys_of_kind(node_kind)
    elif len(path) == 1:
        known = _keys(kind)
    where = f"A node of kind {node_kind}" if node_kind else "This"
    likely = difflib.get_close_matches(name, known, n=1)
    if likely:
        return f"{where} has no {name}: did you mean {likely[0]}?"
    return f"{where} has no {name}." + (f" It may have: {', '.join(known)}." if known else "")


def _keys(kind: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


def _keys_of_kind(node_kind: str) -> list[str]:
    from agents.workflows import spec

    return _keys(getattr(spec, f"{node_kind.capitalize()}Node"))


def _sentence(problem: Any, name: str) -> str:
    kind, context = problem["type"], problem.get("ctx") or {}
    if kind == "string_pattern_mismatch":
        said = _PATTERNS.get(context.get("pattern", ""), "this can't be used here")
        return f"{said[:1].upper()}{said[1:]}."
    if kind == "union_tag_invalid":
        tag = str(context.get("tag", ""))
        likely = difflib.get_close_matches(tag, KINDS, n=1)
        more = f"did you mean {likely[0]}?" if likely else f"there is {', '.join(KINDS)}."
        return f"There is no kind {tag}: {more}"
    if kind in _WORDS:
        return _WORDS[kind].format(name=name)
    said = str(problem["msg"]).removeprefix("Value error, ")
    said = said.replace("Input should be", "Expected").replace("Tuple should", "The list should")
    return f"{said[:1].upper()}{said[1:]}."
