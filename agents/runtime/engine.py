"""Carrying a run to its end: history, loop, deadline, cancel, and the one place it finishes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from agents.budgets import Share
from agents.guardrails.of_tenant import plan_for
from agents.guardrails.plan import UNGUARDED
from agents.runtime import sql
from agents.runtime.acting_for import acting_for, suspended
from agents.runtime.agent_loop import CANCELLED, FIRST_STEP, AgentLoop
from agents.runtime.build import Built, BuiltAgent
from agents.runtime.child_journal import ChildJournal, end_children, put_away
from agents.runtime.events import Cursor, make
from agents.runtime.faults import NeedsReview, Parked, RunFault
from agents.runtime.guarding import RunGuard
from agents.runtime.journal import Journal
from agents.runtime.log import RunLog
from agents.runtime.metrics import run_finished
from agents.runtime.modes import LOOPS
from agents.runtime.outcomes import Ending
from agents.runtime.stages import at_work
from agents.runtime.state import TERMINAL, Held
from agents.runtime.store import ended_event
from agents.runtime.variables import variables_of
from agents.runtime.workflow.built import BuiltWorkflow
from agents.runtime.workflow.flow import Flow
from tenants.pool import tenant_connection


async def carry_on(held: Held, events: RunLog) -> None:
    """Run from where the journal ends to the run's end, and write that end.

    Returns as well when the run waits for people: its pause is durable and published.
    A cancelled task ends the run as cancelled if `run.cancel_requested` is set. Returns when the
    end is durable and published. Raises Fenced, or CancelledError when the run is only let go:
    then nothing is written and another owner goes on.
    """
    run = held.run

    def tell_end() -> None:
        run_finished(run)
        events.publish(ended_event(run))
        events.end()

    journal = Journal(run, held.fence, events, on_finish=tell_end, first_step=held.first_step)
    if held.resumed and not held.decided:
        events.publish(
            make(
                run.source,
                Cursor(run.position, 0),
                "run.resumed",
                datetime.now(UTC),
                reason="recovered",
            )
        )
    try:
        ending = await _ending(journal, held.agent, _answer(journal, held))
        if ending is None:
            return
        if run.status not in TERMINAL:  # else the last step's record ended the run with it
            if run.below or journal.tree:
                await end_children(journal, ending)
            await journal.finish(ending)
    finally:
        if journal.tree:
            put_away(journal)


async def carry_child(journal: ChildJournal, agent: Built, tainted: bool) -> Ending | None:
    """Run a child run from where its journal ends to its end, and write that; None: it waits.

    `tainted`: what it is asked comes from outside. Raises what `carry_on` does, and CancelledError
    when the tree is let go.
    """
    run = journal.run
    ending = await _ending(journal, agent, _child_answer(journal, agent, tainted))
    if ending is not None and run.status not in TERMINAL:
        await end_children(journal, ending)
        await journal.finish(ending)
    return ending


async def _ending(journal: Journal, agent: Built, answer: Awaitable[Any]) -> Ending | None:
    """How the run ends by its answer, or without one; None when it waits for people."""
    run = journal.run
    try:
        return Ending("completed", await answer)
    except Parked:
        return None
    except NeedsReview as fault:
        return Ending("needs_review", fault.partial, error=fault.as_json())
    except RunFault as fault:
        return Ending("failed", fault.partial, error=fault.as_json())
    except TimeoutError:
        return Ending("failed", error=_deadline(journal, agent))
    except asyncio.CancelledError:
        if run.status not in TERMINAL and not journal.root.cancel_requested:
            raise
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        return Ending("cancelled", _said(journal), CANCELLED)


def _deadline(journal: Journal, agent: Built) -> dict[str, Any]:
    seconds = min(agent.spec.limits.seconds, journal.allowed_seconds or math.inf)
    stage = at_work(journal)
    if journal.above is None:
        said = f"The run took longer than the {seconds:g} seconds it is allowed."
    else:
        said = f"It took longer than its {seconds:g} seconds, or what its {journal.above.run.kind}"
        said += " had left."
    return {"code": "deadline", "message": f"{said} It was at: {stage}.", "stage": stage}


def _said(journal: Journal) -> str | None:
    """The text a cancelled run had come to, if any."""
    last = journal.last_step("model")
    if last is None or last.error != CANCELLED:
        return None
    return str(last.output["text"]) or None


async def _answer(journal: Journal, held: Held) -> Any:
    run = held.run
    if run.cancel_requested:
        raise asyncio.CancelledError
    if not run.member_active:
        raise suspended()
    seconds = max(run.deadline_clock - time.monotonic(), 0)
    async with acting_for(run.member_id), asyncio.timeout(seconds):
        history = await _history(held)
        variables = await _variables(journal, held.agent)
        return await (await _loop(journal, held.agent, history, variables)).answer()


async def _child_answer(journal: ChildJournal, agent: Built, tainted: bool) -> Any:
    """It sees the task it was given, and nothing of what else is said around it."""
    seconds = max(journal.run.deadline_clock - time.monotonic(), 0)
    async with asyncio.timeout(seconds):
        loop = await _loop(journal, agent, [], await _variables(journal, agent), tainted=tainted)
        if loop.guard is not None:
            loop.guard.look_at_task()
        try:
            return await loop.answer()
        finally:
            journal.tainted = tainted or (loop.guard is not None and loop.guard.tainted)


async def _loop(
    journal: Journal,
    agent: Built,
    history: list[tuple[str, str]],
    variables: dict[str, str],
    *,
    tainted: bool = False,
) -> AgentLoop | Flow:
    journal.limit = Share(agent.spec.limits.tokens, agent.spec.limits.cost)
    plan = await plan_for(agent.digest, agent.spec.guardrails)
    if isinstance(agent, BuiltWorkflow):
        return Flow(journal, agent, plan, carry_child, tainted=tainted)
    if plan is None and (tainted or any(tool.untrusted for tool in agent.tools.values())):
        plan = UNGUARDED
    guard = RunGuard(journal, plan) if plan is not None else None
    if guard is not None:
        guard.tainted = tainted
    if isinstance(agent, BuiltAgent):
        return AgentLoop(journal, agent, history, variables, guard)
    return LOOPS[agent.spec.mode](journal, agent, history, variables, guard, carry_child)


async def _variables(journal: Journal, agent: Built) -> dict[str, str]:
    """The prompt's variables: as the first step recorded them, or found now."""
    if not agent.prompt.variables:
        return {}
    first = journal.find(FIRST_STEP)
    if first is not None:
        return dict((first.input or {}).get("variables") or {})
    run = journal.run
    return await variables_of(
        agent.prompt,
        member_name=run.member_name,
        username=run.username,
        time_zone=run.time_zone,
        at=run.started_at,
    )


async def _history(held: Held) -> list[tuple[str, str]]:
    """The last N finished runs of the session, oldest first, as (role, text)."""
    run, window = held.run, held.agent.spec.history_runs
    if held.history is not None:
        return held.history
    if window == 0:
        return []
    async with tenant_connection() as conn:
        values = {"session_id": run.session_id, "run_id": run.id, "runs": window}
        rows: Any = await (await conn.execute(sql.HISTORY, values)).fetchall()
    return [(role, content) for role, content in rows]
