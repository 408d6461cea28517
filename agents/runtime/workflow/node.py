"""One node from beginning to end: what it takes, whether it runs, what follows a failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from agents.runtime.outcomes import Outcome, as_jsonb
from agents.runtime.state import StepState
from agents.runtime.workflow import groups, members, people, pure, tools, waits
from agents.runtime.workflow.place import At, Place, title_of
from agents.runtime.workflow.values import (
    SKIPPED,
    NodeFault,
    Result,
    Skip,
    Values,
    holds,
    result_of,
)
from agents.tools.output import storable
from agents.workflows.spec import BaseNode, MapNode

if TYPE_CHECKING:
    from agents.runtime.workflow.flow import Flow

_WORK: dict[str, Callable[[At], Awaitable[Result | None]]] = {
    "agent": members.ask,
    "team": members.ask,
    "workflow": members.ask,
    "tool": tools.call,
    "transform": pure.transform,
    "condition": pure.condition,
    "router": pure.router,
    "parallel": groups.parallel,
    "loop": groups.loop,
    "map": groups.each,
    "human": people.ask,
    "wait": waits.wait,
}


async def run_node(
    flow: Flow, node: Any, place: Place, values: Values, *, read: bool, tainted: bool
) -> Result | None:
    """What the node comes to, from the journal where it is there; None while it waits.

    Raises NodeFault where it failed and that ends its scope, and what ends the run.
    """
    key = place.key(node.id)
    done = flow.journal.finished(key)
    if done is not None:
        return _recorded(node, key, done)
    at = At(flow, node, key, place, _not_begun(flow, key), tainted=tainted, read=read)
    fault: NodeFault | None = None
    try:
        at.args = values.taken_by(node.args.items())
        if isinstance(node, MapNode):
            at.over = values.take(node.over)
        if node.skip_when is not None and holds(node.skip_when, at.roots, "skip_when"):
            return skip(flow, node, place)
    except Skip:
        return skip(flow, node, place)
    except NodeFault as wrong:
        fault = wrong
    at.step = flow.begin(key, node, {"kind": node.kind, "args": storable(at.args)})
    try:
        if fault is not None:
            raise fault
        result = await _WORK[at.node.kind](at)
        if result is None:
            return None
        _check_size(result)
    except NodeFault as wrong:
        failed = Result("failed", tainted=at.tainted)
        flow.journal.end_node(at.step, Outcome(failed.as_json(), wrong.as_json()))
        return _after_failure(node, key, failed, wrong)
    flow.journal.end_node(at.step, Outcome(storable(result.as_json())))
    return result


def skip(flow: Flow, node: Any, place: Place) -> Result:
    """The node doesn't run; that is recorded as well."""
    key = place.key(node.id)
    if flow.journal.finished(key) is None:
        step = flow.begin(key, node, {"kind": node.kind})
        flow.journal.end_node(step, Outcome(SKIPPED.as_json()))
    return SKIPPED


def _not_begun(flow: Flow, key: str) -> StepState:
    """A stand-in until the node has begun: nothing reads it before."""
    found = flow.journal.find(key)
    return found if found is not None else _NONE


def _recorded(node: BaseNode, key: str, step: StepState) -> Result:
    result = result_of(step)
    if step.error is None:
        return result
    detail = {name: value for name, value in step.error.items() if name not in ("code", "message")}
    fault = NodeFault(str(step.error["code"]), str(step.error["message"]), **detail)
    return _after_failure(node, key, result, fault)


def _after_failure(node: BaseNode, key: str, result: Result, fault: NodeFault) -> Result:
    """The result where the workflow goes on without the node; else raises NodeFault."""
    if node.on_error != "fail":
        return result
    if fault.code == "node_failed":  # of a node inside, which is named already
        raise fault
    raise NodeFault(
        "node_failed", f"{title_of(node)} failed: {fault.message}", node=key, cause=fault.as_json()
    )


def _check_size(result: Result) -> None:
    size = len(as_jsonb(result.output) or "")
    if size > settings.WORKFLOW_VALUE_MAX_CHARS:
        raise NodeFault(
            "value_too_large",
            f"What it gives has {size:,} characters as JSON; at most "
            f"{settings.WORKFLOW_VALUE_MAX_CHARS:,} are kept.",
        )


_NONE: Any = None
