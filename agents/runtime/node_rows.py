"""Nodes of workflows as steps: how they are written, many at once, and the events they stand for.

The input is `{args, title?, ...}` of the node, the output `{status, output?, taken?, tainted?}`;
status is completed, skipped or failed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from agents.runtime import sql
from agents.runtime.events import Cursor, Event, Source, make
from agents.runtime.outcomes import as_jsonb
from agents.runtime.state import StepState

KIND = "node"

# Beginnings and ends of many nodes. What was begun before keeps what it was begun with.
NODES = f"""
WITH guard AS ({sql.GUARD})
INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, output, error,
    input_tokens, output_tokens, started_position, finished_position, started_at, finished_at)
SELECT %(run_id)s, n.seq, n.key, 'node', n.name, n.status, 1, n.input, n.output, n.error, 0, 0,
    n.started, n.finished, now() - make_interval(secs => n.begun_ago),
    now() - make_interval(secs => n.ended_ago)
FROM guard, jsonb_to_recordset(%(nodes)s::jsonb) AS n(seq int, key text, name text, status text,
    input jsonb, output jsonb, error jsonb, started int, finished int, begun_ago float8,
    ended_ago float8)
ON CONFLICT (run_id, key) DO UPDATE SET status = EXCLUDED.status, output = EXCLUDED.output,
    error = EXCLUDED.error, finished_position = EXCLUDED.finished_position,
    finished_at = EXCLUDED.finished_at
RETURNING now()
"""


@dataclass(slots=True)
class NodeRow:
    """A node's step on its way into the database. The clocks are of `time.monotonic`."""

    step: StepState
    begun: float
    ended: float | None = None


@dataclass(slots=True)
class NodeWord:
    """Something to tell of a node, once its row is written: that it began, or what it came to."""

    row: NodeRow
    position: int
    ended: bool

    def event(self, source: Source, at: datetime) -> Event:
        step, row, now = self.row.step, self.row, time.monotonic()
        if self.ended:
            step.finished_at = at - timedelta(seconds=now - (row.ended or now))
            return node_ended(source, step)
        step.started_at = at - timedelta(seconds=now - row.begun)
        return node_started(source, step)


def as_records(rows: Iterable[NodeRow]) -> str:
    now = time.monotonic()
    return orjson.dumps(
        [
            {
                "seq": row.step.seq,
                "key": row.step.key,
                "name": row.step.name,
                "status": row.step.status,
                "input": _json(row.step.input),
                "output": _json(row.step.output),
                "error": _json(row.step.error),
                "started": row.step.started_position,
                "finished": row.step.finished_position,
                "begun_ago": now - row.begun,
                "ended_ago": None if row.ended is None else now - row.ended,
            }
            for row in rows
        ]
    ).decode()


def _json(value: Any) -> orjson.Fragment | None:
    text = as_jsonb(value)
    return None if text is None else orjson.Fragment(text)


def node_started(source: Source, step: StepState) -> Event:
    return make(
        source,
        Cursor(step.started_position, 0),
        "node.started",
        step.started_at,
        step=step.seq,
        **_which(step),
        args=step.input.get("args"),
    )


def node_ended(source: Source, step: StepState) -> Event:
    assert step.finished_position is not None
    took = None
    if step.started_at is not None and step.finished_at is not None:
        took = max(round((step.finished_at - step.started_at).total_seconds() * 1000), 0)
    return make(
        source,
        Cursor(step.finished_position, 0),
        "node.completed",
        step.finished_at,
        step=step.seq,
        **_which(step),
        status=step.output["status"],
        output=step.output.get("output"),
        error=step.error,
        duration_ms=took,
    )


def _which(step: StepState) -> dict[str, Any]:
    return {"node": step.key, "node_kind": step.input["kind"], "title": step.name}
