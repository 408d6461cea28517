"""What a run's journal records: starts and ends of steps, and the run's end, under the fence.

An end that may wait is held back and goes out with the run's next write: one round trip instead of
two, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from agents.models_llm.pricing import total_cost
from agents.runtime import asking_sql, sql
from agents.runtime.asking import open_question
from agents.runtime.faults import Fenced
from agents.runtime.log import RunLog
from agents.runtime.metrics import step_ended
from agents.runtime.outcomes import Ending, Outcome, as_jsonb, as_text
from agents.runtime.riding import Note, Queued
from agents.runtime.state import OpenStep, RunState, StepState
from agents.runtime.step_rows import ending_values, state_of
from agents.runtime.writing import Writing, whole
from agents.tools.output import storable
from approvals.audit import sealing
from tenants.hop import hop


class Records(Writing):
    """The journal of one run in the hands of the run's owner: what happened becomes durable."""

    finish_statement = sql.FINISH
    finish_with_step_statement = sql.FINISH_WITH_STEP

    def __init__(
        self,
        run: RunState,
        fence: int,
        events: RunLog,
        *,
        on_finish: Callable[[], None] | None = None,
        first_step: OpenStep | None = None,
        above: Writing | None = None,
    ) -> None:
        """`on_finish` is called once the run's end is durable. `first_step`: begun with the run.

        `above`: the journal of the run that this one is a child of.
        """
        super().__init__(run, fence, events, above)
        self._on_finish = on_finish
        self._begun: dict[str, OpenStep] = {}
        if first_step is not None:
            self._begun[first_step.key] = first_step
            self._steps[first_step.key] = state_of(first_step, "started", Outcome(None))
            run.position = max(run.position, first_step.position)
        self.count_steps()

    # --- steps ------------------------------------------------------------------------------------

    async def _start(
        self,
        key: str,
        kind: str,
        name: str,
        attempt: int,
        input: Any,
        on_start: Callable[[OpenStep], None] | None = None,
    ) -> OpenStep:
        opened, write = self._opening(key, kind, name, attempt, input, on_start)
        await self._queued(*write)
        return opened

    def _start_soon(
        self,
        key: str,
        kind: str,
        name: str,
        attempt: int,
        input: Any,
        on_start: Callable[[OpenStep], None] | None = None,
    ) -> tuple[OpenStep, Queued]:
        """The start is written while the work begins: `_over` before anything more of the step."""
        opened, write = self._opening(key, kind, name, attempt, input, on_start)
        return opened, self._soon(*write)

    def _opening(
        self,
        key: str,
        kind: str,
        name: str,
        attempt: int,
        input: Any,
        on_start: Callable[[OpenStep], None] | None,
    ) -> tuple[OpenStep, tuple[int, str, dict[str, Any], Callable[[Any], None]]]:
        """A step from now on, and what writes that."""
        before = self._steps.get(key)
        seq = before.seq if before else self._next_seq
        if before is None:
            self._next_seq += 1
        opened = OpenStep(seq, key, kind, name, attempt, self.next_position(), input)
        values = {
            "seq": seq,
            "key": key,
            "kind": kind,
            "name": name,
            "attempt": attempt,
            "input": as_jsonb(input),
            "position": opened.position,
        }

        def told(row: Any) -> None:
            opened.started_at = row[0]
            asked = before.asked if before is not None else None
            self._steps[key] = state_of(opened, "started", Outcome(None), asked=asked)
            if on_start is not None:
                on_start(opened)

        return opened, (opened.position, sql.STEP_START, values, told)

    async def _end(self, opened: OpenStep, outcome: Outcome, on_end: Note | None) -> StepState:
        position = self.next_position()
        values = ending_values(opened, outcome, position)
        found: list[StepState] = []

        def told(row: Any) -> None:
            found.append(self._record(opened, outcome, position, row[0], on_end))

        await self._queued(position, sql.STEP_END, values, told)
        return found[0]

    def _end_later(self, opened: OpenStep, outcome: Outcome, on_end: Note | None) -> StepState:
        """Record the end with the next write. Lost with the process, the work is done again."""
        position = self.next_position()
        values = ending_values(opened, outcome, position)
        step = self._record(opened, outcome, position, None, None)

        def told(row: Any) -> None:
            step.finished_at = row[0]
            if on_end is not None:
                on_end(opened, step)

        self._later(position, sql.STEP_END, values, told)
        return step

    async def _end_in_transaction(
        self, opened: OpenStep, work: Callable[[OpenStep], Outcome], on_end: Note | None
    ) -> StepState:
        async with self._lock:
            if self.tree or self.notes or self._queue:
                await self._flush()
            position = self.next_position()

            def unit() -> tuple[Outcome, datetime]:
                with transaction.atomic(), connection.cursor() as cursor:
                    # The guard first: under a stale fence the effect must not even be tried.
                    ids = self.ids()
                    cursor.execute(sql.GUARD, ids)
                    if cursor.fetchone() is None:
                        raise Fenced(str(self.run.id))
                    outcome = work(opened)
                    cursor.execute(
                        sql.STEP_END, {**ids, **ending_values(opened, outcome, position)}
                    )
                    return outcome, cursor.fetchone()[0]

            outcome, at = await hop(unit)
            return self._record(opened, outcome, position, at, on_end)

    def _record(
        self,
        opened: OpenStep,
        outcome: Outcome,
        position: int,
        at: datetime | None,
        on_end: Note | None,
    ) -> StepState:
        status = "failed" if outcome.error else "finished"
        before = self._steps.get(opened.key)
        asked = before.asked if before is not None else None
        step = state_of(opened, status, outcome, position, at, asked)
        self._steps[opened.key] = step
        step_ended(
            opened.kind, opened.clock, step.error, outcome.input_tokens, outcome.output_tokens
        )
        self.run.input_tokens += outcome.input_tokens
        self.run.output_tokens += outcome.output_tokens
        self.run.cost = total_cost([self.run.cost, outcome.cost])
        if on_end is not None:
            on_end(opened, step)
        return step

    # --- the end ----------------------------------------------------------------------------------

    async def finish(self, ending: Ending) -> None:
        """Write the run's end and answer, and give the ticket up: one statement.

        Written and told as a whole, whatever is cancelled meanwhile.
        """
        await whole(self._finish(ending))

    async def _finish(self, ending: Ending) -> None:
        async with self._lock:
            asks = any(open_question(step) for step in self._steps.values())
            also = asking_sql.CLOSE_APPROVALS if asks else ""
            self._ended(
                ending, await self._write(self.finish_statement, self._finishing(ending), also)
            )

    async def _end_with_run(
        self, opened: OpenStep, outcome: Outcome, ending: Ending, on_end: Note | None
    ) -> StepState:
        return await whole(self._end_both(opened, outcome, ending, on_end))

    async def _end_both(
        self, opened: OpenStep, outcome: Outcome, ending: Ending, on_end: Note | None
    ) -> StepState:
        position = self.next_position()
        run = self.run
        values = {
            **self._finishing(ending),
            "input_tokens": run.input_tokens + outcome.input_tokens,
            "output_tokens": run.output_tokens + outcome.output_tokens,
            "cost": total_cost([run.cost, outcome.cost]),
            "step_key": opened.key,
            "step_output": as_jsonb(outcome.output),
            "step_input_tokens": outcome.input_tokens,
            "step_output_tokens": outcome.output_tokens,
            "step_cost": outcome.cost,
            "step_position": position,
        }
        found: list[StepState] = []

        def told(row: Any) -> None:
            found.append(self._record(opened, outcome, position, row[0], on_end))
            self._ended(ending, row[0])

        await self._queued(position, self.finish_with_step_statement, values, told)
        return found[0]

    def _finishing(self, ending: Ending) -> dict[str, Any]:
        run = self.run
        return {
            "status": ending.status,
            "output": as_jsonb(ending.output),
            "error": as_jsonb(ending.error),
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost": run.cost,
            "position": self.next_position(),
            "answer": storable(as_text(ending.output)) if ending.status == "completed" else None,
        }

    def _ended(self, ending: Ending, at: datetime) -> None:
        run = self.run
        run.status, run.output, run.error = ending.status, ending.output, ending.error
        run.finished_at = at
        sealing.mark()
        if self._on_finish is not None:
            self._on_finish()
