"""One node of a workflow's run, with what it took and gave, how long it took and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from agents.answering import Shown, shown_arguments
from agents.models import Run, Step
from agents.web.transcript import taken
from agents.web.workflow_run import cost, spec_of, states_of
from agents.workflows.drawing import LABELS, details_of
from agents.workflows.run_states import NodeState, Time, base_of
from agents.workflows.spec import BaseNode, GroupNode
from config.errors import NotFound

# Of the times that a node ran, so many are there to choose from.
MOST_TIMES = 300


@dataclass(frozen=True, slots=True)
class NodeView:
    """`times`: to choose from where there are several. `child_url`: the page of the run below."""

    base: str
    key: str
    title: str
    kind_label: str
    details: list[str]
    state: str
    words: str
    took: str
    attempts: int = 0
    tokens: str = ""
    cost: str = ""
    input: list[Shown] = field(default_factory=list)
    output: list[Shown] = field(default_factory=list)
    error: str = ""
    reused: bool = False
    child_url: str = ""
    times: list[Time] = field(default_factory=list)
    more_times: int = 0
    first_level: bool = False


def node_view(run: Run, wanted: str) -> NodeView:
    """What is to be known of a node by its name in the graph, or by the key of one time it ran.

    Raises NotFound where the graph has no such node.
    """
    base = base_of(wanted)
    node = _found(run, base)
    states = states_of(run)
    state = states.get(base)
    plain = {
        "base": base,
        "title": node.title or node.id,
        "kind_label": LABELS[str(node.kind)],  # type: ignore[attr-defined]
        "details": details_of(node),
        "first_level": "/" not in base,
    }
    if state is None:
        outer = states.get(base.partition("/")[0]) if "/" in base else None
        reused = outer is not None and _taken_over(run.steps.get(seq=outer.step))
        return NodeView(key=base, state="open", words="not begun", took="", reused=reused, **plain)
    time = _time(state, wanted)
    return NodeView(
        key=time.key,
        state=time.state,
        words=time.state,
        took=taken(time.took_ms),
        times=state.times[:MOST_TIMES] if len(state.times) > 1 else [],
        more_times=max(len(state.times) - MOST_TIMES, 0),
        **plain,
        **_came_of(run, time),
    )


def _time(state: NodeState, wanted: str) -> Time:
    """The time of this key; else the one that the graph's colour tells of."""
    by_key = {time.key: time for time in state.times}
    if wanted in by_key:
        return by_key[wanted]
    step = state.step
    return next(time for time in state.times if time.seq == step)


def _found(run: Run, base: str) -> BaseNode:
    spec = spec_of(run)
    nodes: Sequence[BaseNode] = spec.nodes if spec is not None else ()
    found: BaseNode | None = None
    for name in base.split("/"):
        found = next((node for node in nodes if node.id == name), None)
        if found is None:
            raise NotFound("There is no such node in this run.", code="unknown_node")
        nodes = found.nodes if isinstance(found, GroupNode) else ()
    assert found is not None
    return found


def _came_of(run: Run, time: Time) -> dict[str, Any]:
    """What the node's step says, and its calls and child runs beside it."""
    prefix = f"{time.key}!"
    beside = list(
        run.steps.filter(key__startswith=prefix, kind__in=[Step.Kind.TOOL, Step.Kind.DELEGATION])
        .order_by("seq")
        .defer("output")
    )
    step = run.steps.get(seq=time.seq)
    output = step.output if isinstance(step.output, dict) else {}
    delegations = [one for one in beside if one.kind == Step.Kind.DELEGATION]
    calls = [one for one in beside if one.kind == Step.Kind.TOOL]
    tokens = sum(one.input_tokens + one.output_tokens for one in beside)
    costs = [one.cost for one in beside if one.cost is not None]
    given = (step.input if isinstance(step.input, dict) else {}).get("args") or {}
    said = output.get("output")
    return {
        "attempts": len(delegations) or max((one.attempt for one in calls), default=0),
        "tokens": f"{tokens:,}" if tokens else "",
        "cost": cost(sum(costs), run) if costs else "",
        "input": shown_arguments(given) if given else [],
        "output": shown_arguments(said) if said not in (None, {}) else [],
        "error": _error(step.error),
        "reused": _taken_over(step),
        "child_url": _child_url(run, delegations),
    }


def _taken_over(step: Step) -> bool:
    """Whether what it came to is an earlier run's."""
    return isinstance(step.output, dict) and bool(step.output.get("of"))


def _error(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    return str(error.get("message") or error.get("code") or "")


def _child_url(run: Run, delegations: list[Step]) -> str:
    """The page of the workflow that the node ran last; other runs have none of their own."""
    for one in reversed(delegations):
        child = (one.input if isinstance(one.input, dict) else {}).get("run_id")
        rows = Run.objects.filter(pk=child, kind="workflow") if child else Run.objects.none()
        slug = rows.values_list("slug", flat=True).first()
        if slug:
            return reverse("web:workflow-run", args=[slug, child])
    return ""
