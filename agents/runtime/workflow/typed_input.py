"""The input of a workflow against its schema."""

from __future__ import annotations

import json
from typing import Any

from agents.guardrails.schema_check import placed_complaints
from agents.workflows.spec import WorkflowSpec


def misfits(graph: WorkflowSpec, given: Any) -> list[dict[str, Any]]:
    """Why an input isn't one of this workflow's, as the errors of a problem; [] when it is.

    Without a declared input it is a text.
    """
    if graph.input is None:
        return [] if isinstance(given, str) else [_error((), "this workflow takes a text")]
    if not isinstance(given, dict):
        wanted = ", ".join(graph.input.get("properties") or ()) or "its fields"
        return [_error((), f"this workflow takes an object with {wanted}")]
    return [_error(place, why) for place, why in placed_complaints(given, graph.input)]


def _error(place: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"loc": ["body", "input", *place], "msg": message}


def size_of(given: Any) -> int:
    """Characters of an input, of an object as JSON."""
    return len(given) if isinstance(given, str) else len(json.dumps(given, ensure_ascii=False))
