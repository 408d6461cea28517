"""A node that calls a tool: through the same gate, guardrails and record as an agent's call."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from agents.guardrails.schema_check import value_complaints
from agents.models_llm.protocol import ToolCall
from agents.runtime.gate import Gate
from agents.runtime.guarding import WITHHELD
from agents.runtime.outcomes import as_jsonb
from agents.runtime.tool_steps import ToolSteps
from agents.runtime.workflow.ending import to_its_end
from agents.runtime.workflow.place import At
from agents.runtime.workflow.tries import pause_ms
from agents.runtime.workflow.values import NodeFault, Result
from agents.tools import registry
from agents.tools.spec import Effect, ToolSpec


class NodeTool(ToolSteps):
    """The one tool of a node, tried as often and for as long as the node says."""

    def __init__(self, at: At, spec: ToolSpec) -> None:
        self.journal = at.flow.journal
        self.granted = {spec.name: spec}
        self.guard = at.guard()
        self.gate = Gate(self.journal, self.guard)
        self.pauses = lambda attempt: pause_ms(at.node.retries, attempt) / 1000


async def call(at: At) -> Result | None:
    """The tool's result. None while the call waits for people."""
    key = f"{at.key}!call"
    journal = at.flow.journal
    try:
        known = registry.get(at.node.tool)
    except registry.UnknownTool:
        raise NodeFault("unknown_tool", f"There is no tool {at.node.tool} any more.") from None
    if journal.finished(key) is None:
        wanted = ToolCall(at.key, known.name, as_jsonb(at.args) or "{}", at.args)
        node_tool = NodeTool(at, _as_tried(at, known, key))
        before = journal.find(key)
        if before is None or not before.asked:  # what people were asked about was looked at before
            assert node_tool.guard is not None
            [wanted] = await node_tool.guard.arguments(key, [wanted])
        async with at.room():
            # What only reads needs no write of its own: the node's own end follows at once.
            work = node_tool.made(key, wanted, alone=known.effect is Effect.READ)
            made = await (work if known.safe_to_repeat else to_its_end(work))
        if made is None:
            return None
    step = journal.finished(key)
    assert step is not None
    if step.error is None:
        await at.guard().withheld(step)
    verdicts = journal.verdicts(key) if at.flow.plan.stages else []
    if any(one.output["action"] == "block" for one in verdicts):
        raise NodeFault("guardrail_blocked", f"{WITHHELD}.")
    if step.error is not None:
        raise _fault(step.error)
    at.tainted = at.tainted or known.untrusted
    at.tainted = at.tainted or any(one.output.get("code") == "injection" for one in verdicts)
    data = step.output["data"]
    if at.node.output is not None and (wrong := value_complaints(data, at.node.output)):
        raise NodeFault("node_output", f"The result of {known.name} isn't as declared: {wrong[0]}.")
    return Result("completed", data, tainted=at.tainted)


def _as_tried(at: At, spec: ToolSpec, key: str) -> ToolSpec:
    """The tool with the node's attempts and time-out. A write that may not be done twice is tried
    once, whatever the node says; attempts before a crash count, but one is always left.
    """
    attempts = 1 if spec.effect is Effect.WRITE else at.node.retries.attempts
    before = at.flow.journal.find(key)
    spent = before.attempt if before is not None and before.status == "started" else 0
    limit = at.node.timeout_ms
    timeout = spec.timeout if limit is None else min(spec.timeout, limit / 1000)
    return _limited(spec, max(attempts - spent, 1), timeout)


@functools.lru_cache(maxsize=1024)
def _limited(spec: ToolSpec, attempts: int, timeout: float) -> ToolSpec:
    return replace(spec, attempts=attempts, timeout=timeout)


def _fault(error: dict[str, Any]) -> NodeFault:
    detail = {name: value for name, value in error.items() if name not in ("code", "message")}
    return NodeFault(str(error["code"]), str(error["message"]), **detail)
