"""A node that asks a person: to approve, to fill in a form, or to tell of an event."""

from __future__ import annotations

from typing import Any

from agents.runtime.asking import expiry, last_asked
from agents.runtime.gate import decision_on
from agents.runtime.questions import Question
from agents.runtime.workflow.place import At
from agents.runtime.workflow.values import NodeFault, Result, filled
from agents.tools.output import storable
from approvals.models.approval import ASKS, node_tool
from approvals.policy import Ruling
from approvals.tiers import ADMIN, USER

_LONGEST_WHY = 500


async def ask(at: At) -> Result | None:
    """What the person said. None while nobody has."""
    node = at.node
    message = filled(node.message, at.args)
    form = node.form if node.ask == "form" else None
    ruling = Ruling(
        tier=ADMIN if node.roles else USER,
        why=message[:_LONGEST_WHY],
        decider_roles=node.roles,
        own_requests=node.ask == "form",
        expires_minutes=node.expires_minutes,
    )
    shown = {"message": message, **at.args}
    kind = "input" if node.ask == "form" else "confirm"
    decision = await _decided(at, kind, shown, ruling, form)
    if decision is None:
        return None
    if decision["choice"] == "expire":
        raise NodeFault("expired", "Nobody answered in time.")
    by = (decision["by"] or {}).get("name") or ""
    if node.ask == "form":
        if decision["choice"] == "reject":
            raise _rejected(by, decision["reason"])
        return Result("completed", decision["response"], tainted=at.tainted)
    approved = decision["choice"] == "approve"
    if not approved and not at.read:
        raise _rejected(by, decision["reason"])
    said = {"approved": approved, "reason": decision["reason"] or "", "by": by}
    return Result("completed", said, tainted=at.tainted)


async def event(at: At) -> Result | None:
    """What an event brought, which whoever runs the workflow tells. None until it has come."""
    node = at.node
    ruling = Ruling(
        tier=USER,
        why=f"{at.name} waits for the event {node.event}.",
        expires_minutes=node.expires_minutes,
    )
    shown = {"event": node.event, **at.args}
    decision = await _decided(at, "external", shown, ruling, node.output)
    if decision is None:
        return None
    if decision["choice"] == "expire":
        raise NodeFault("expired", f"The event {node.event} didn't come in time.")
    if decision["choice"] == "reject":
        raise _rejected((decision["by"] or {}).get("name") or "", decision["reason"])
    return Result("completed", decision["response"], tainted=True)


def _rejected(by: str, reason: str) -> NodeFault:
    why = f": {reason}" if reason else "."
    return NodeFault("rejected", f"{by or 'Somebody'} rejected it{why}")


async def _decided(
    at: At, kind: str, shown: dict[str, Any], ruling: Ruling, fields: dict[str, Any] | None
) -> dict[str, Any] | None:
    journal = at.flow.journal
    step = journal.find(at.key)
    if step is None or not step.asked:
        question = Question(
            kind, node_tool(at.node.id), ASKS, storable(shown), ruling, fields, step="node"
        )
        await journal.ask(at.key, at.step.name, question, at.step.input)
        decision = None
    else:
        decision = await decision_on(journal, at.key)
    found = journal.find(at.key)
    assert found is not None
    at.step = found  # asking makes a record of its own
    if decision is None:
        asked = last_asked(found)
        assert asked is not None
        journal.wakes[at.key] = expiry(asked)
    return decision
