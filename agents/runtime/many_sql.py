"""What many steps of a run write at the same time, as one statement: their starts, their ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from agents.runtime.sql import GUARD, STEP_END, STEP_START


@dataclass(frozen=True, slots=True)
class Many:
    """`takes`: of each one's values, those that differ from step to step."""

    statement: str
    takes: tuple[str, ...]

    def steps(self, values: Iterable[dict[str, Any]]) -> str:
        """The values of all as the statement's `steps`. What is JSON already stays text."""
        rows = [{name: each[name] for name in self.takes} for each in values]
        return orjson.dumps(rows, default=str).decode()


_STARTS = f"""
WITH guard AS ({GUARD})
INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, input_tokens,
    output_tokens, started_position, started_at)
SELECT %(run_id)s, s.seq, s.key, s.kind, s.name, 'started', s.attempt, s.input::jsonb,
    0, 0, s.position, now()
FROM guard, jsonb_to_recordset(%(steps)s::jsonb) AS s(seq int, key text, kind text, name text,
    attempt int, input text, position int)
ON CONFLICT (run_id, key) DO UPDATE SET status = 'started', attempt = EXCLUDED.attempt,
    started_position = EXCLUDED.started_position, started_at = now(), error = NULL,
    input = EXCLUDED.input
RETURNING started_at
"""

_ENDS = f"""
WITH guard AS ({GUARD})
UPDATE agents_step t SET status = s.status, output = s.output::jsonb, error = s.error::jsonb,
    input_tokens = s.input_tokens, output_tokens = s.output_tokens,
    cost = s.cost, finished_position = s.position, finished_at = now()
FROM guard, jsonb_to_recordset(%(steps)s::jsonb) AS s(key text, status text, output text,
    error text, input_tokens bigint, output_tokens bigint, cost numeric, position int)
WHERE t.run_id = %(run_id)s AND t.key = s.key
RETURNING finished_at
"""

MANY: dict[str, Many] = {
    STEP_START: Many(_STARTS, ("seq", "key", "kind", "name", "attempt", "input", "position")),
    STEP_END: Many(
        _ENDS,
        (
            *("key", "status", "output", "error", "input_tokens", "output_tokens", "cost"),
            "position",
        ),
    ),
}
"""By the statement of one."""
