"""A run with the runs below it, for people and programs that want to see who did what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F

from agents.models import Run, Step
from agents.runtime import state
from agents.runtime.events import iso


def tree_of(run: Run) -> dict[str, Any]:
    """The run as the HTTP contract shows it, with `depth` and `children`; they have the same.

    A workflow's has its `nodes` as well. Two statements, however many runs there are. The caller
    may see the run: those below it are the same member's.
    """
    rows = Run.objects.filter(root=run.root_id or run.pk).select_related("revision")
    found: dict[UUID | None, list[Run]] = {}
    workflows = [run.pk] if run.kind == "workflow" else []
    for child in rows.defer("revision__spec").order_by("first_position", "id"):
        found.setdefault(child.parent_id, []).append(child)
        if child.kind == "workflow":
            workflows.append(child.pk)
    return _shown(run, found, _nodes(workflows))


def _nodes(runs: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """By run, its nodes in the order in which they began, without what they took and gave."""
    shown: dict[UUID, list[dict[str, Any]]] = {run: [] for run in runs}
    if not runs:
        return shown
    steps = Step.objects.filter(run__in=runs, kind=Step.Kind.NODE).order_by("run_id", "seq")
    for run, *step in steps.values_list(
        "run_id", "key", "name", "input__kind", "status", "output__status", "error"
    ).annotate(begun=F("started_at"), ended=F("finished_at")):
        key, name, kind, status, came_to, error, begun, ended = step
        shown[run].append(
            {
                "node": key,
                "title": name,
                "kind": kind,
                "status": came_to or ("running" if status == Step.Status.STARTED else status),
                "error": error,
                "started_at": iso(begun),
                "finished_at": iso(ended),
            }
        )
    return shown


def _shown(
    run: Run, found: dict[UUID | None, list[Run]], nodes: dict[UUID, list[dict[str, Any]]]
) -> dict[str, Any]:
    shown = {**state.run_json(run, run.revision.number), "depth": run.depth}
    if run.pk in nodes:
        shown["nodes"] = nodes[run.pk] if run.is_live else [_over(one) for one in nodes[run.pk]]
    shown["children"] = [_shown(child, found, nodes) for child in found.get(run.pk, [])]
    return shown


def _over(node: dict[str, Any]) -> dict[str, Any]:
    """A node of a run that has ended: what still ran or waited then, was cancelled by that."""
    return {**node, "status": "cancelled"} if node["finished_at"] is None else node
