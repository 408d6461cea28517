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
from agents.runtime.delegation_steps import delegate_ended, delegate_started
from agents.runtime.events import Cursor, Event, make
from agents.runtime.log import MessageText, RunLog
from agents.runtime.node_rows import KIND as NODE
from agents.runtime.node_rows import node_ended, node_started
from agents.runtime.state import TERMINAL, RunState, StepState
from agents.runtime.tool_steps import tool_ended, tool_started
from agents.runtime.verdict_rows import tripped_event


async def load_run(
    conn: AsyncConnection[Any], run_id: UUID, *, steps: bool = True
) -> RunState | None:
    """The run with its steps as recorded and its child runs, or None. The tenant is the
    connection's.
    """
    row = await (await conn.execute(sql.LOAD_RUN, {"run_id": run_id})).fetchone()
    if row is None:
        return None
    state = _state_of(row)
    if steps:
        rows = await (await conn.execute(sql.LOAD_STEPS, {"run_id": run_id})).fetchall()
        state.steps = [StepState(*values) for values in rows]
        if state.kind != "agent":
            state.below = await _load_below(conn, state)
        if state.status not in TERMINAL:
            _catch_up(state)
            state.position = max([state.position, *(child.position for child in state.below)])
    return state


def _state_of(row: Any) -> RunState:
    state = RunState(*row[:22])
    state.time_zone, state.member_active = row[22], row[23]
    state.deadline_clock = time.monotonic() + (row[24] if row[24] is not None else 0.0)
    state.cancel_requested, state.cost = row[25], row[26]
    state.member_name, state.username = row[27] or row[28], row[28]
    state.pauses = row[29]
    state.root, state.depth, state.first_position, state.roster = row[30:34]
    return state


def _catch_up(state: RunState) -> None:
    """While a run is live its row lags behind: the steps know how far it is."""
    seen = [position for step in state.steps for position in _positions(step)]
    state.position = max([state.position, *seen])
    state.input_tokens = sum(step.input_tokens for step in state.steps)
    state.output_tokens = sum(step.output_tokens for step in state.steps)
    state.cost = total_cost([step.cost for step in state.steps])


async def _load_below(conn: AsyncConnection[Any], top: RunState) -> list[RunState]:
    """The child runs below this one with their steps, parents first: two statements."""
    values = {"root_id": top.root_id}
    rows: Any = await (await conn.execute(sql.LOAD_CHILDREN, values)).fetchall()
    found = {top.id: top}
    for child in map(_state_of, rows):
        if child.parent_id in found:
            found[child.id] = child
    del found[top.id]
    if found:
        asked = await conn.execute(sql.LOAD_STEPS_OF, {"runs": list(found)})
        for *step, run_id in await asked.fetchall():
            found[run_id].steps.append(StepState(*step))
    for child in found.values():
        if child.status not in TERMINAL:
            _catch_up(child)
    return list(found.values())


def _positions(step: StepState) -> list[int]:
    both = [step.started_position, step.finished_position]
    for asked in step.asked or ():
        both += [asked["position"], (asked["decision"] or {}).get("position")]
    return [position for position in both if position is not None]


def started_event(run: RunState) -> Event:
    return make(
        run.source,
        Cursor(run.first_position, 1 if run.depth else 0),
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


def log_of(run: RunState, *, under_way: bool = False) -> RunLog:
    """The event log that the journal of `run` stands for, and of its child runs, as far as it goes.

    With `under_way` a model call that hasn't ended is there, without its text: for a reader who
    will hear the text elsewhere.
    """
    log = RunLog(run.source)
    entries: list[tuple[Cursor, Event | MessageText]] = []
    for step in run.steps:
        entries.extend(_entries(run, step, under_way))
    for child in run.below:
        entries.append(_placed(started_event(child)))
        for step in child.steps:
            entries.extend(_entries(child, step, under_way))
        if child.status in TERMINAL:
            entries.append(_placed(ended_event(child)))
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


def _placed(event: Event) -> tuple[Cursor, Event]:
    return event.cursor, event


def _entries(
    run: RunState, step: StepState, under_way: bool
) -> list[tuple[Cursor, Event | MessageText]]:
    found: list[tuple[Cursor, Event | MessageText]] = []
    source = run.source
    done = step.finished_position is not None and step.output is not None
    found.extend(map(_placed, asked_events(source, step)))
    if step.kind == "tool" and step.status != "waiting":
        arguments = (step.input or {}).get("arguments")
        begun = tool_started(
            source, step.started_position, step.started_at, step.seq, step.name, arguments
        )
        found.append(_placed(begun))
        if done:
            found.append(_placed(tool_ended(source, step)))
    elif step.kind == NODE:
        found.append(_placed(node_started(source, step)))
        if done:
            found.append(_placed(node_ended(source, step)))
    elif step.kind == "delegation":
        found.append(_placed(delegate_started(source, step)))
        if done:
            found.append(_placed(delegate_ended(source, step)))
    elif step.kind == "guardrail":
        tripped = tripped_event(source, step)
        if tripped is not None:
            found.append(_placed(tripped))
    elif step.kind == "model" and (done or (under_way and run.status not in TERMINAL)):
        said = step.output["text"] if done else ""
        text = MessageText(source, step.started_position, step.seq, step.attempt, said)
        text.closed = done
        found.append((Cursor(step.started_position, 0), text))
        if done and not step.error:  # a cancelled one has text, but never became a message
            found.extend(map(_placed, model_events(source, step)))
    return found
