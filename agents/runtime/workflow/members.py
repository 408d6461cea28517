"""A node that runs an agent, a team or another workflow: a child run for each attempt."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.conf import settings

from agents.guardrails.schema_check import json_in, value_complaints
from agents.runtime.build import Built, built
from agents.runtime.delegations import Delegations
from agents.runtime.faults import NeedsReview
from agents.runtime.shares import Stage
from agents.runtime.state import StepState
from agents.runtime.workflow.built import BuiltWorkflow
from agents.runtime.workflow.place import At
from agents.runtime.workflow.tries import has_written, may_help, pause_ms
from agents.runtime.workflow.typed_input import misfits
from agents.runtime.workflow.values import NodeFault, Result, filled
from agents.specs import MemberSpec
from agents.workflows.spec import WorkflowNode

JSON_ONLY = "Answer with JSON alone, without a word around it, that fits this JSON schema:"


class NodeMember(MemberSpec):
    """What a node runs. A revision that it names is another entry of the run's roster."""

    kind: Literal["agent", "team", "workflow"] = "agent"  # type: ignore[assignment]
    revision: int | None = None

    @property
    def key(self) -> str:
        return roster_key(self.kind, self.slug, self.revision)


def roster_key(kind: str, slug: str, revision: int | None) -> str:
    """How a run's roster names a component: as it is published, or one revision of it."""
    return f"{kind}:{slug}" if revision is None else f"{kind}:{slug}@{revision}"


class NodeRuns(Delegations):
    """The child runs of one node."""

    def __init__(self, at: At) -> None:
        self.journal = at.flow.journal
        self.guard = at.guard()
        self.carry = at.flow.carry
        self._room = asyncio.Semaphore(1)
        limit = at.node.timeout_ms
        self.stage = Stage(None if limit is None else limit / 1000)

    def tainted_before(self, turn: int) -> bool:
        """A node has no turns: what it takes says it."""
        return self.guard is not None and self.guard.tainted

    def too_deep(self) -> str:
        if self.journal.run.depth < settings.WORKFLOW_DEPTH_MAX:
            return ""
        return f"Runs may be {settings.WORKFLOW_DEPTH_MAX} deep, and this one is."


async def ask(at: At) -> Result | None:
    """What the child run came to, in as many attempts as the node has. None while it waits."""
    retries = at.node.retries
    kind = at.node.kind
    member = NodeMember(
        kind=kind, slug=getattr(at.node, kind), name=at.name, revision=at.node.revision
    )
    task = await _task(at, member)
    for attempt in range(1, retries.attempts + 1):
        key = f"{at.key}!{attempt}"
        async with at.room():
            step = await NodeRuns(at).delegate(key, member, task)
        if step is None:
            return None
        fault, output = _read(at, step)
        if fault is not None and fault.code == "deadline" and at.flow.time_is_up:
            raise TimeoutError
        at.tainted = at.tainted or bool(step.output.get("tainted"))
        if fault is None:
            return Result("completed", output, tainted=at.tainted)
        if attempt == retries.attempts or not may_help(fault.code):
            raise fault
        if step.output["run_id"] and await has_written(UUID(step.output["run_id"])):
            raise fault
        assert step.finished_at is not None
        due = step.finished_at + timedelta(milliseconds=pause_ms(retries, attempt))
        if not await at.flow.until(at.key, due):
            return None
    raise AssertionError("the last attempt gives or raises")


async def _task(at: At, member: NodeMember) -> Any:
    """What is asked: a text, or the input of a workflow."""
    node = at.node
    if isinstance(node, WorkflowNode):
        return await _typed(at, member)
    text = filled(node.task, at.args) if node.task.strip() else _as_lines(at.args)
    if node.output is not None:
        text = f"{text}\n\n{JSON_ONLY}\n{json.dumps(node.output, ensure_ascii=False)}"
    return text


async def _typed(at: At, member: NodeMember) -> Any:
    revision = (at.flow.journal.root.roster or {}).get(member.key)
    workflow: Built | None = await built(revision) if revision is not None else None
    given: Any = at.args
    if isinstance(workflow, BuiltWorkflow):
        if workflow.spec.graph.input is None:
            given = at.args.get("input", "")
        if wrong := misfits(workflow.spec.graph, given):
            raise NodeFault("bad_input", f"{member.name} doesn't take this: {wrong[0]['msg']}")
    return given


def _as_lines(args: dict[str, Any]) -> str:
    """The arguments as a text: one that is a text by itself, several by their names."""
    if len(args) == 1:
        [value] = args.values()
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in args.items()
    )


def _read(at: At, step: StepState) -> tuple[NodeFault | None, Any]:
    """What a finished attempt gives, or why it gives nothing."""
    output = step.output
    if output["status"] == "needs_review":
        raise NeedsReview(
            "member_needs_review",
            f"{step.name} stopped where only a person can tell what happened: see its run.",
            step=step.seq,
            node=at.key,
            run_id=output["run_id"],
        )
    if step.error is not None:
        detail = {"run_id": output["run_id"]} if output["run_id"] else {}
        return NodeFault(str(step.error["code"]), str(step.error["message"]), **detail), None
    if at.node.kind == "workflow":
        return None, output["data"]
    if at.node.output is None:
        return None, {"text": output["text"]}
    try:
        value = json_in(output["text"])
    except (ValueError, RecursionError):
        return NodeFault("node_output", "The answer is no JSON.", run_id=output["run_id"]), None
    if wrong := value_complaints(value, at.node.output):
        said = f"The answer isn't what is declared: {wrong[0]}."
        return NodeFault("node_output", said, run_id=output["run_id"]), None
    return None, value
