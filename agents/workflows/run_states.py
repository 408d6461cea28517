"""Where one run stands in its graph: the state of each node, and the drawing in their colours.

Named `base` is a node of the graph as it is drawn, `each/text`; its keys are the times that it ran,
`each[3]/text`, each of which is a step of the run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pydantic import ValidationError

from agents.models import Revision, Run, Step
from agents.workflows.drawing import svg
from agents.workflows.spec import WorkflowSpec
from approvals.models import Approval

STATES = ("failed", "running", "waiting", "completed", "cancelled", "skipped")
"""Of a node that ran several times the first of these is shown."""
_ROUND = re.compile(r"\[\d+\]")
_NODE = re.compile(r'<g class="(wf-node[^"]*)"([^>]*?)aria-label="([^"]*)" data-node="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Time:
    """One time that a node ran. `seq` is its step's number."""

    key: str
    seq: int
    state: str
    began: datetime
    ended: datetime | None

    @property
    def took_ms(self) -> int | None:
        if self.ended is None or self.state == "skipped":
            return None
        return max(round((self.ended - self.began).total_seconds() * 1000), 0)


@dataclass(slots=True)
class NodeState:
    """Of one node of the graph: the times it ran, in their order."""

    times: list[Time] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(one.state for one in self.times)

    @property
    def shown(self) -> str:
        counts = self.counts
        return next(state for state in STATES if counts[state])

    @property
    def words(self) -> str:
        """`completed`, or of several times `1 failed, 3 completed`."""
        if len(self.times) == 1:
            return self.shown
        counts = self.counts
        return ", ".join(f"{counts[one]} {one}" for one in STATES if counts[one])

    @property
    def step(self) -> int:
        """The step to look at: of the state that is shown, the one that began last."""
        shown = self.shown
        return next(one.seq for one in reversed(self.times) if one.state == shown)


def base_of(key: str) -> str:
    """The node of the graph that a step's key is of."""
    return _ROUND.sub("", key)


def node_states(run: Run) -> dict[str, NodeState]:
    """By base, the nodes that have begun. One statement, and two more while people are asked."""
    rows = run.steps.filter(kind=Step.Kind.NODE).order_by("seq")
    asked = _asked(run) if run.is_live else frozenset()
    found: dict[str, NodeState] = {}
    for key, seq, status, came_to, began, ended in rows.values_list(
        "key", "seq", "status", "output__status", "started_at", "finished_at"
    ):
        if came_to:
            state = came_to
        elif not run.is_live:
            state = "cancelled"
        else:
            state = "waiting" if status == Step.Status.WAITING or key in asked else "running"
        one = found.setdefault(base_of(key), NodeState())
        one.times.append(Time(key, seq, state, began, ended))
    return found


def _asked(run: Run) -> frozenset[str]:
    """Keys of nodes whose call, or something in the run below them, waits for people."""
    root = run.root_id or run.pk
    waiting = Approval.objects.filter(root_run_id=root, status=Approval.Status.WAITING)
    keys, below = set(), set()
    for asker, key in waiting.values_list("run_id", "step_key"):
        if asker == run.pk:
            keys.add(_node_of(key))
        else:
            below.add(asker)
    if below:
        children = {str(child) for child in _own_children(run, below)}
        steps = run.steps.filter(kind=Step.Kind.DELEGATION, input__run_id__in=children)
        keys |= {_node_of(key) for key in steps.values_list("key", flat=True)}
    return frozenset(keys)


def _node_of(key: str) -> str:
    """`each[3]/note!call#1` is of the node `each[3]/note`."""
    return key.partition("!")[0].partition("#")[0]


def _own_children(run: Run, below: set[UUID]) -> Iterator[UUID]:
    """The runs right below this one that these are, or are below of."""
    rows = Run.objects.filter(root=run.root_id or run.pk)
    parents: dict[UUID, UUID | None] = dict(rows.values_list("pk", "parent_id"))
    for one in below:
        child: UUID | None = one
        while child is not None and parents.get(child) != run.pk:
            child = parents.get(child)
        if child is not None:
            yield child


def counted(states: Mapping[str, NodeState]) -> str:
    """`1 failed · 12 completed`: how many of the nodes that began are in each state."""
    total = Counter(one.shown for one in states.values())
    return " · ".join(f"{total[state]} {state}" for state in STATES if total[state])


def plain_drawing(digest: str, revision_id: int) -> SafeString | None:
    """The graph of a workflow's revision; None for one that this version can't read.

    The digest is of what is drawn, so that the same graph of two tenants is the same drawing.
    """
    drawn = _drawn(digest, revision_id)
    return None if drawn is None else mark_safe(drawn)


@lru_cache(maxsize=32)
def _drawn(digest: str, revision_id: int) -> str | None:
    spec: dict[str, Any] = Revision.objects.values_list("spec", flat=True).get(pk=revision_id)
    try:
        return str(svg(WorkflowSpec.model_validate(spec)))
    except ValidationError:
        return None


def coloured(drawing: str, states: Mapping[str, NodeState], *, every: bool = False) -> SafeString:
    """The drawing with a class for each node's state. Nodes that began, or `every` one, are
    buttons; `data-step` is the step to look at, `data-said` what a node says without its state.
    """

    def colour(match: re.Match[str]) -> str:
        classes, between, said, name = match.groups()
        state = states.get(name)
        if state is None:
            shown, words, step = "open", "not begun", ""
        else:
            shown, words, step = state.shown, state.words, f' data-step="{state.step}"'
        if every:
            step += f' data-said="{said}"'
        if every or state is not None:
            between = between.replace('role="img"', 'role="button"')
        return (
            f'<g class="{classes} wf-state-{shown}"{between}'
            f'aria-label="{escape(words)}. {said}" data-node="{name}"{step}'
        )

    return mark_safe(_NODE.sub(colour, drawing))
