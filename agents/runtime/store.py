"""Reading runs and steps back: the journal as records, and as the events it stands for."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from agents.models_llm.pricing import total_cost
from agents.runtime import sql
from agents.runtime.agent_loop import model_events
from agents.runtime.asking import asked_events, paused_event, resumed_event
from agents.runtime.events import Cursor, Event, make
from agents.runtime.log import MessageText, RunLog
from agents.runtime.state import TERMINAL, RunState, StepState
from agents.runtime.tool_steps import tool_ended, tool_started
from agents.runtime.verdict_rows import tripped_event


async def load_run(
    conn: AsyncConnection[Any], run_id: UUID, *, steps: bool = True
) -> RunState | None:
    """The run with its steps as recorded, or None. The tenant is the connection's."""
    row = await (await conn.execute(sql.LOAD_RUN, {"run_id": run_id})).fetchone()
    if row is None:
        return None
    state = RunState(*row[:22])
    state.time_zone, state.member_active = row[22], row[23]
    state.deadline_clock = time.monotonic() + (row[24] if row[24] is not None else 0.0)
    state.cancel_requested, state.cost = row[25], row[26]
    state.member_name, state.username = row[27] or row[28], row[28]
    state.pauses = row[29]
    if steps:
        rows = await (await conn.execute(sql.LOAD_STEPS, {"run_id": run_id})).fetchall()
        state.steps = [StepState(*values) for values in rows]
        seen = [position for step in state.steps for position in _positions(step)]
        if state.status not in TERMINAL:
            # While a run is live its row lags behind: the steps know the latest position.
            state.position = max([state.position, *seen])
            state.input_tokens = sum(step.input_tokens for step in state.steps)
            state.output_tokens = sum(step.output_tokens for step in state.steps)
            state.cost = total_cost([step.cost for step in state.steps])
    return state


def _positions(step: StepState) -> list[int]:
    both = [step.started_position, step.finished_position]
    for asked in step.asked or ():
        both += [asked["position"], (asked["decision"] or {}).get("position")]
    return [position for position in both if position is not None]


def started_event(run: RunState) -> Event:
    return make(
        run.source,
        Cursor(1, 0),
        "run.started",
        run.started_at or run.created_at,
        session_id=str(run.session_id),
        input=run.input,
        model=run.model,
    )


def ended_event(run: RunState) -> Event:
    """The run's last event, by its status."""
    fields: dict[str, Any] = {"run": run.as_json()}
    if run.status == "completed":
        kind = "run.completed"
        fields |= {"output": run.output, "usage": run.as_json()["usage"]}
    elif run.status == "cancelled":
        kind = "run.cancelled"
    else:
        kind = "run.failed"
        fields |= {"error": run.error, "status": run.status}
    return make(run.source, Cursor(run.position, 0), kind, run.finished_at, **fields)


def log_of(run: RunState) -> RunLog:
    """The event log that the journal of `run` stands for, as far as it goes."""
    log = RunLog(run.source)
    entries: list[tuple[Cursor, Event | MessageText]] = []
    for step in run.steps:
        entries.extend(_entries(log, step))
    if run.started_at is not None:
        log.entries.append(started_event(run))
    for pause in run.pauses:
        told = (paused_event(log.source, pause), resumed_event(log.source, pause))
        entries.extend((event.cursor, event) for event in told if event is not None)
    log.entries.extend(entry for _, entry in sorted(entries, key=lambda pair: pair[0]))
    if run.status in TERMINAL:
        log.entries.append(ended_event(run))
        log.end()
    return log


def _entries(log: RunLog, step: StepState) -> list[tuple[Cursor, Event | MessageText]]:
    found: list[tuple[Cursor, Event | MessageText]] = []
    done = step.finished_position is not None and step.output is not None
    found.extend((event.cursor, event) for event in asked_events(log.source, step))
    if step.kind == "tool" and step.status != "waiting":
        arguments = (step.input or {}).get("arguments")
        begun = tool_started(
            log.source, step.started_position, step.started_at, step.seq, step.name, arguments
        )
        found.append((begun.cursor, begun))
        if done:
            ended = tool_ended(log.source, step)
            found.append((ended.cursor, ended))
    elif step.kind == "guardrail":
        tripped = tripped_event(log.source, step)
        if tripped is not None:
            found.append((tripped.cursor, tripped))
    elif step.kind == "model" and done:
        text = MessageText(step.started_position, step.seq, step.attempt, step.output["text"])
        text.closed = True
        found.append((Cursor(step.started_position, 0), text))
        if not step.error:  # a cancelled one has text, but never became a message
            found.extend((event.cursor, event) for event in model_events(log.source, step))
    return found
