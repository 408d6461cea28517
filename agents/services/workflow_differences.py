"""What publishing a workflow would change: its fields, and its definition line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from agents.services.differences import Difference, Line, value_differences
from agents.workflows.spec import WorkflowSpec, graph_of
from agents.workflows.writing import graph_yaml


def workflow_differences(before: WorkflowSpec | None, after: WorkflowSpec) -> list[Difference]:
    """The fields that differ, the definition last; without a `before`, all that are set."""
    old = _fields(before) if before is not None else None
    found = value_differences(old, _fields(after))
    was = graph_yaml(graph_of(before)) if before is not None else ""
    now = graph_yaml(graph_of(after))
    if was != now:
        found.append(Difference("Definition", was, now, tuple(_lines(was, now))))
    return found


def _fields(spec: WorkflowSpec) -> dict[str, object]:
    return {
        "Name": spec.name,
        "Description": spec.description,
        "Roles that may run it": list(spec.run_roles),
    }


def _lines(was: str, now: str) -> Iterator[Line]:
    """What changed with three lines around it: a definition may have thousands."""
    compared = difflib.unified_diff(was.splitlines(), now.splitlines(), n=3, lineterm="")
    for number, entry in enumerate(compared):
        if number < 2:
            continue  # the names of files that are none
        if entry.startswith("@@"):
            if number > 2:
                yield Line(" ", "…")
            continue
        yield Line(entry[0], entry[1:])
