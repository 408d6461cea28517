"""Nodes of an earlier run that a new one has from its beginning."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from agents.runtime import sql
from agents.runtime.log import RunLog
from agents.runtime.node_rows import node_ended, node_started
from agents.runtime.outcomes import as_jsonb
from agents.runtime.state import RunState, StepState
from agents.services.looked_at_input import LookedAtInput
from agents.workflows.links import needs
from agents.workflows.order import readers
from agents.workflows.spec import WorkflowSpec

# Written with the run, after what guardrails said of its input.
_TAKEN = """, taken AS (
    INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, output, error,
        input_tokens, output_tokens, started_position, finished_position, started_at, finished_at)
    SELECT run.id, t.seq, t.key, 'node', t.name, t.status, 1, t.input, t.output, t.error, 0, 0,
        t.started, t.finished, now(), now()
    FROM run, jsonb_to_recordset(%(taken)s::jsonb) AS t(seq int, key text, name text, status text,
        input jsonb, output jsonb, error jsonb, started int, finished int)
)"""
_STATEMENT = {
    (in_session, looked_at): sql.start_of_workflow(
        _TAKEN, in_session=in_session, looked_at=looked_at
    )
    for in_session in (False, True)
    for looked_at in (False, True)
}


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The finished nodes of the run `of` that needn't be run again from `node` on."""

    of: UUID
    node: str
    steps: tuple[StepState, ...]

    def statement(self, looked: LookedAtInput, *, in_session: bool) -> str:
        return _STATEMENT[in_session, bool(looked.rows)]

    def placed(self, looked: LookedAtInput) -> list[StepState]:
        """The steps with their places in the new run's journal."""
        placed = []
        for number, step in enumerate(self.steps, looked.steps + 1):
            position = looked.steps + 2 * (number - looked.steps)
            placed.append(
                replace(
                    step,
                    seq=number,
                    output={**step.output, "of": str(self.of)},
                    started_position=position,
                    finished_position=position + 1,
                )
            )
        return placed

    def values(self, looked: LookedAtInput) -> dict[str, Any]:
        rows = [
            {
                "seq": step.seq,
                "key": step.key,
                "name": step.name,
                "status": step.status,
                "input": step.input,
                "output": step.output,
                "error": step.error,
                "started": step.started_position,
                "finished": step.finished_position,
            }
            for step in self.placed(looked)
        ]
        return {"taken": as_jsonb(rows)}

    def tell(self, run: RunState, looked: LookedAtInput, events: RunLog) -> None:
        """Give a run that begins here what it was written with."""
        for step in self.placed(looked):
            step.started_at = step.finished_at = run.started_at
            run.steps.append(step)
            run.position = step.finished_position or run.position
            events.publish(node_started(run.source, step))
            events.publish(node_ended(run.source, step))


def taken_over(
    graph: WorkflowSpec, node: str, steps: Mapping[str, StepState]
) -> Sequence[StepState]:
    """Which of a run's recorded nodes a new run from `node` on can have, in their order.

    Not the node, not what had failed for good, and nothing that comes after one of these.
    """
    usable = {
        one.id: step
        for one in graph.nodes
        if (step := steps.get(one.id)) is not None
        and step.finished_position is not None
        and (step.error is None or one.on_error != "fail")
    }
    again = {one.id for one in graph.nodes if one.id not in usable} | {node}
    again = _with_readers(again, readers(needs(graph.nodes)))
    return sorted(
        (step for name, step in usable.items() if name not in again), key=lambda one: one.seq
    )


def _with_readers(names: Collection[str], after: Mapping[str, Sequence[str]]) -> set[str]:
    found = set(names)
    level = list(names)
    while level:
        level = [reader for name in level for reader in after[name] if reader not in found]
        found.update(level)
    return found
