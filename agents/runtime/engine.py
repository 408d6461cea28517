"""Carrying a run to its end: history, loop, deadline, cancel, and the one place it finishes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from agents.guardrails.of_tenant import plan_for
from agents.guardrails.plan import UNGUARDED
from agents.runtime import sql
from agents.runtime.acting_for import acting_for, suspended
from agents.runtime.agent_loop import CANCELLED, FIRST_STEP, AgentLoop
from agents.runtime.events import Cursor, make
from agents.runtime.faults import NeedsReview, Parked, RunFault
from agents.runtime.guarding import RunGuard
from agents.runtime.journal import Journal
from agents.runtime.log import RunLog
from agents.runtime.metrics import run_finished
from agents.runtime.outcomes import Ending
from agents.runtime.state import TERMINAL, Held
from agents.runtime.store import ended_event
from agents.runtime.variables import variables_of
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
        ending = Ending("completed", await _answer(journal, held))
    except Parked:
        return
    except NeedsReview as fault:
        ending = Ending("needs_review", error=fault.as_json())
    except RunFault as fault:
        ending = Ending("failed", error=fault.as_json())
    except TimeoutError:
        ending = Ending("failed", error=_deadline(held))
    except asyncio.CancelledError:
        if run.status not in TERMINAL and not run.cancel_requested:
            raise
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
        ending = Ending("cancelled", _said(journal), CANCELLED)
    if run.status not in TERMINAL:  # else the last step's record ended the run with it
        await journal.finish(ending)


def _deadline(held: Held) -> dict[str, Any]:
    seconds = held.agent.spec.limits.seconds
    return {
        "code": "deadline",
        "message": f"The run took longer than the {seconds} seconds it is allowed.",
    }


def _said(journal: Journal) -> str | None:
    """The text a cancelled run had come to, if any."""
    last = journal.last_step("model")
    if last is None or last.error != CANCELLED:
        return None
    return str(last.output["text"]) or None


async def _answer(journal: Journal, held: Held) -> str:
    run = held.run
    if run.cancel_requested:
        raise asyncio.CancelledError
    if not run.member_active:
        raise suspended()
    seconds = max(run.deadline_clock - time.monotonic(), 0)
    async with acting_for(run.member_id), asyncio.timeout(seconds):
        history = await _history(held)
        variables = await _variables(journal, held)
        plan = await plan_for(held.agent.digest, held.agent.spec.guardrails)
        if plan is None and any(tool.untrusted for tool in held.agent.tools.values()):
            plan = UNGUARDED
        guard = RunGuard(journal, plan) if plan is not None else None
        return await AgentLoop(journal, held.agent, history, variables, guard).answer()


async def _variables(journal: Journal, held: Held) -> dict[str, str]:
    """The prompt's variables: as the first step recorded them, or found now."""
    if not held.agent.prompt.variables:
        return {}
    first = journal.find(FIRST_STEP)
    if first is not None:
        return dict((first.input or {}).get("variables") or {})
    run = held.run
    return await variables_of(
        held.agent.prompt,
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
