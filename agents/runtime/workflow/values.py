"""Values that flow through a workflow: taken from nodes by name, worked out in CEL, put in texts.

Pure: the same results of nodes give the same values, in whatever process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.runtime.faults import RunFault
from agents.runtime.state import StepState
from agents.workflows.expressions import ExpressionFailed, evaluate
from agents.workflows.parts import Source
from agents.workflows.spec import BaseNode, reference_root

_BRACES = re.compile(r"\{\{\s*args\.([a-z][a-z0-9_]*)((?:\.\w+)*)\s*\}\}")


class NodeFault(RunFault):
    """What a node failed with; what follows from it the node says (`on_error`)."""


class Skip(Exception):
    """What a node takes wasn't given, because the node that gives it was skipped."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a node came to: completed, skipped or failed. `taken`: the branch it chose.

    `tainted`: it holds what others wrote, which nobody vouches for.
    """

    status: str
    output: Any = None
    taken: str | None = None
    tainted: bool = False

    @property
    def completed(self) -> bool:
        return self.status == "completed"

    def as_json(self) -> dict[str, Any]:
        """As the step's output keeps it."""
        shown: dict[str, Any] = {"status": self.status}
        if self.completed:
            shown["output"] = self.output
        if self.taken is not None:
            shown["taken"] = self.taken
        if self.tainted:
            shown["tainted"] = True
        return shown


SKIPPED = Result("skipped")


def result_of(step: StepState) -> Result:
    """What a recorded step says."""
    kept = step.output
    return Result(
        kept["status"], kept.get("output"), kept.get("taken"), bool(kept.get("tainted", False))
    )


@dataclass
class Values:
    """What the nodes of one scope may take from: its results so far, and its `roots` by name."""

    nodes: Mapping[str, BaseNode]
    roots: Mapping[str, Any]
    results: dict[str, Result] = field(default_factory=dict)

    def standing(self, name: str) -> Result | None:
        """A node's result, or that of the fallback that stands for it."""
        result = self.results.get(name)
        while result is not None and result.status == "failed":
            node = self.nodes[name]
            if node.on_error != "fallback" or node.fallback is None:
                break
            name = node.fallback
            result = self.results.get(name)
        return result

    def take(self, source: Source) -> Any:
        """The value of a source. Raises Skip, or NodeFault for a field that isn't there."""
        if source.is_value:
            return source.value
        missing = ""
        for reference in source.references:
            root, path = reference_root(reference)
            if root in self.nodes:
                result = self.standing(root)
                if result is None or not result.completed:
                    continue
                whole = result.output
            elif root in self.roots:
                whole = self.roots[root]
            else:
                continue
            found, value = _at(whole, path)
            if found:
                return value
            missing = reference
        if source.has_default:
            return source.default
        if missing:
            raise NodeFault("no_value", f"There is no {missing}: what it names has no such field.")
        raise Skip

    def taken_by(self, sources: Iterable[tuple[str, Source]]) -> dict[str, Any]:
        """The values of several sources by their names."""
        return {name: self.take(source) for name, source in sources}

    def there(self, sources: Mapping[str, Source]) -> dict[str, Any]:
        """Those of several sources that there are."""
        found = {}
        for name, source in sources.items():
            try:
                found[name] = self.take(source)
            except (Skip, NodeFault):
                continue
        return found


def _at(value: Any, path: Iterable[str]) -> tuple[bool, Any]:
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def worked_out(expression: str, roots: Mapping[str, Any], what: str) -> Any:
    """What an expression gives. Raises NodeFault; `what` says which expression it is."""
    try:
        return evaluate(expression, roots)
    except ExpressionFailed as failed:
        raise NodeFault("expression", f"{what} can't be worked out: {failed}.") from None


def holds(expression: str, roots: Mapping[str, Any], what: str) -> bool:
    """Whether a condition is true. Raises NodeFault, also where it is neither true nor false."""
    value = worked_out(expression, roots, what)
    if not isinstance(value, bool):
        raise NodeFault("expression", f"{what} gives neither true nor false.")
    return value


def filled(text: str, args: Mapping[str, Any]) -> str:
    """The text with the arguments at their places: texts as they are, anything else as JSON."""

    def put(match: re.Match[str]) -> str:
        path = [part for part in match[2].split(".") if part]
        found, value = _at(args.get(match[1]), path)
        if not found:
            raise NodeFault("no_value", f"There is no args.{match[1]}{match[2]} to put in a text.")
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _BRACES.sub(put, text)
