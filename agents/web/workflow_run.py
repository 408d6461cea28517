"""A run of a workflow as its page shows it: where it stands, what it asks, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from pydantic import ValidationError

from agents.answering import Shown, shown_arguments
from agents.limits.reached import shown as shown_amount
from agents.models import Revision, Run
from agents.services.access import may_cancel
from agents.services.decide import visible_approvals
from agents.web.approval_card import Card, cards, whole
from agents.web.transcript import taken
from agents.web.workflow_lists import STATUS_LABELS
from agents.web.workflow_result import shown_result
from agents.workflows.drawing import LABELS
from agents.workflows.links import edges
from agents.workflows.order import phases
from agents.workflows.run_states import NodeState, coloured, node_states, plain_drawing
from agents.workflows.spec import BaseNode, GroupNode, WorkflowSpec
from approvals.models import Approval
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope

# What a run asks at once and a page shows; more come as these are decided.
_MOST_ASKED = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A node in the list beside the graph. `base` is its name in the drawing."""

    base: str
    title: str
    kind: str
    kind_label: str
    depth: int
    state: str
    words: str
    took: str


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of the run above its graph."""

    status: str
    label: str
    live: bool
    at: Any
    took: str
    tokens: str
    cost: str
    waits_for_time: bool


def spec_of(run: Run) -> WorkflowSpec | None:
    """The spec that the run runs on; None where this version can't read it."""
    return _spec(run.revision.digest, run.revision_id)


@lru_cache(maxsize=32)
def _spec(digest: str, revision_id: int) -> WorkflowSpec | None:
    raw: dict[str, Any] = Revision.objects.values_list("spec", flat=True).get(pk=revision_id)
    try:
        return WorkflowSpec.model_validate(raw)
    except ValidationError:
        return None


def live_part(who: Principal, run: Run) -> dict[str, Any]:
    """What changes while the run is live, beside its graph."""
    asked = _asked(who, run)
    return {
        "run": run,
        "head": head(run),
        "asked": asked,
        "asked_cut": _MOST_ASKED if len(asked) == _MOST_ASKED else 0,
        "output": [] if run.is_live else shown_result(run.output),
        "partial": run.status != Run.Status.COMPLETED,
        "error": run.error if isinstance(run.error, dict) else None,
        "failed_node": _failed_node(run),
        "may_cancel": run.is_live
        and run.parent_id is None
        and may_cancel(who, run)
        and who.may(Scope.AGENTS_RUN),
    }


def graph_part(run: Run, states: Mapping[str, NodeState]) -> dict[str, Any]:
    """The graph, the list of its nodes, and the states as the script has them."""
    plain = plain_drawing(run.revision.digest, run.revision_id)
    spec = spec_of(run)
    return {
        "drawing": coloured(plain, states, every=True) if plain is not None else None,
        "lines": list(_lines(spec.nodes, states)) if spec is not None else [],
        "states": states_json(states),
    }


def states_json(states: Mapping[str, NodeState]) -> dict[str, list[Any]]:
    """By key `[state, milliseconds or null]`."""
    return {one.key: [one.state, one.took_ms] for node in states.values() for one in node.times}


def states_of(run: Run) -> dict[str, NodeState]:
    return node_states(run)


def head(run: Run) -> Head:
    status = "needs_review" if run.waits_for_review else str(run.status)
    tokens = run.input_tokens + run.output_tokens
    end = run.finished_at or timezone.now()
    ms = None
    if run.started_at is not None:
        ms = round((end - run.started_at) / timedelta(milliseconds=1))
    return Head(
        status=status,
        label=STATUS_LABELS[status],
        live=run.is_live,
        at=run.started_at or run.created_at,
        took=taken(ms) if not run.is_live else "",
        tokens=f"{tokens:,} tokens" if tokens else "",
        cost=cost(run.cost, run),
        waits_for_time=status == "paused" and not _waiting(run).exists(),
    )


def cost(amount: Decimal | None, run: Run) -> str:
    """`0.0042 USD`; nothing where no price was known."""
    if amount is None:
        return ""
    model = run.model if isinstance(run.model, dict) else {}
    return f"{shown_amount(amount)} {model.get('currency') or ''}".rstrip()


def given(run: Run) -> list[Shown]:
    """What the run was started with."""
    return shown_arguments(run.input)


def _failed_node(run: Run) -> str:
    error = run.error if isinstance(run.error, dict) else {}
    return str(error.get("node") or "")


def _asked(who: Principal, run: Run) -> list[Card]:
    """Cards of what waits for people in the run or below it, the first asked first."""
    if not run.is_live or not who.may(Scope.APPROVALS_READ):
        return []
    rows = whole(visible_approvals(who)).filter(pk__in=_waiting(run).values("pk"))
    return cards(who, list(rows.order_by("id")[:_MOST_ASKED]))


def _waiting(run: Run) -> QuerySet[Approval]:
    """What is asked in the run and below it; of a run that is part of another, in it alone."""
    rows = Approval.objects.filter(status=Approval.Status.WAITING)
    return rows.filter(root_run_id=run.pk) if run.root_id is None else rows.filter(run=run)


def _lines(
    nodes: Sequence[BaseNode], states: Mapping[str, NodeState], prefix: str = "", depth: int = 0
) -> Iterator[Line]:
    """The nodes in the order in which they can run, those of a group below it."""
    needs: dict[str, set[str]] = {node.id: set() for node in nodes}
    for edge in edges(nodes):
        if edge.source in needs and edge.target in needs:
            needs[edge.target].add(edge.source)
    by_id = {node.id: node for node in nodes}
    for phase in phases(needs):
        for name in phase:
            node, base = by_id[name], f"{prefix}{name}"
            yield _line(node, base, states.get(base), depth)
            if isinstance(node, GroupNode):
                yield from _lines(node.nodes, states, f"{base}/", depth + 1)


def _line(node: BaseNode, base: str, state: NodeState | None, depth: int) -> Line:
    kind = str(node.kind)  # type: ignore[attr-defined]
    took = ""
    if state is not None and len(state.times) == 1:
        took = taken(state.times[0].took_ms)
    return Line(
        base=base,
        title=node.title or node.id,
        kind=kind,
        kind_label=LABELS[kind],
        depth=depth,
        state="open" if state is None else state.shown,
        words="not begun" if state is None else state.words,
        took=took,
    )
