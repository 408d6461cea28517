"""What is left of nodes that nobody waits for any more: ended, so that nothing of them stays open.

Of a group whose time is up, in which a node failed, or of which another node was first.
"""

from __future__ import annotations

from uuid import UUID

from agents.runtime import asking_sql, hub
from agents.runtime.child_journal import ChildJournal, end_children, restored
from agents.runtime.delegation_steps import KIND as DELEGATION
from agents.runtime.delegation_steps import delegate_ended, opened_of, outcome_of
from agents.runtime.journal import Journal
from agents.runtime.node_rows import KIND as NODE
from agents.runtime.outcomes import Ending, Outcome
from agents.runtime.state import TERMINAL, OpenStep, StepState
from agents.runtime.tool_steps import tool_ended
from agents.runtime.workflow.values import Result
from tenants.pool import tenant_connection

TIMEOUT = {"code": "timeout", "message": "The time of the group that it is in was up."}
FAILED = {"code": "node_failed", "message": "Another node of its group failed."}
FIRST = {"code": "another_was_first", "message": "Another node of its group was there first."}
# Approvals of these steps are asked no more.
_CLOSE = f"""
WITH closed AS (
    UPDATE approvals_approval SET status = 'cancelled', decided_at = now()
    WHERE run_id = %(run_id)s AND status = 'waiting'
        AND split_part(step_key, '#', 1) = ANY(%(keys)s) RETURNING id
)
SELECT {asking_sql.TELL_OF_APPROVAL} FROM closed
"""


async def abandon(journal: Journal, prefix: str, error: dict[str, str]) -> None:
    """End all that is open under keys that begin so, with this error."""
    waiting = []
    for step in journal.unfinished(prefix):
        if step.status == "waiting":
            waiting.append(step.key)
        if step.kind == DELEGATION:
            await _end_child(journal, step, error)
        elif step.kind == NODE:
            journal.end_node(step, Outcome(Result("failed").as_json(), error))
        else:
            await _end_tool(journal, step, error)
    if waiting:
        async with tenant_connection() as conn:
            await conn.execute(_CLOSE, {"run_id": journal.run.id, "keys": waiting})


async def _end_child(journal: Journal, step: StepState, error: dict[str, str]) -> None:
    child_id = UUID(step.input["run_id"])
    own = journal.tree.get(child_id)
    if own is None:
        own = restored(journal.recorded[child_id], journal)
    assert isinstance(own, ChildJournal)
    ending = Ending("cancelled", error=error)
    if own.run.status not in TERMINAL:
        await end_children(own, ending)
        await own.finish(ending)

    def told(opened: OpenStep, ended: StepState) -> None:
        journal.log.publish(delegate_ended(journal.log.source, ended))

    await journal.end_child(opened_of(step), outcome_of(own.run, step.name, tainted=False), told)
    journal.tree.pop(child_id, None)
    hub.drop(child_id, own.log)


async def _end_tool(journal: Journal, step: StepState, error: dict[str, str]) -> None:
    def told(opened: OpenStep, ended: StepState) -> None:
        journal.log.publish(tool_ended(journal.log.source, ended))

    outcome = Outcome({"text": f"Error: {error['message']}", "data": None}, error)
    await journal.end_child(opened_of(step), outcome, told)
