"""Writing a run's journal: starts and ends of steps, and the run's end, each under the fence.

Writes of one run are serialised by a lock, so that the order of positions is the order of commits
and of events. An end that may wait is held back and goes out with the run's next write: one round
trip instead of two, in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, transaction
from psycopg import AsyncClientCursor

from agents.models_llm.pricing import total_cost
from agents.runtime import sql
from agents.runtime.asking import open_question
from agents.runtime.faults import Fenced
from agents.runtime.log import RunLog
from agents.runtime.metrics import step_ended
from agents.runtime.outcomes import Ending, Outcome, as_jsonb
from agents.runtime.state import OpenStep, RunState, StepState
from agents.runtime.step_rows import ending_values, state_of
from agents.runtime.verdict_journal import VerdictJournal
from agents.runtime.verdict_rows import VerdictRow, as_records, tripped_event
from agents.tools.output import storable
from approvals.audit import sealing
from tenants.hop import hop
from tenants.pool import tenant_connection

T = TypeVar("T")
Note = Callable[[OpenStep, StepState], None]


@dataclass(slots=True)
class _HeldEnd:
    position: int
    values: dict[str, Any]
    opened: OpenStep
    step: StepState
    on_end: Note | None


class Records(VerdictJournal):
    """The journal of one run on its way into the database, in the hands of the run's owner."""

    def __init__(
        self,
        run: RunState,
        fence: int,
        events: RunLog,
        *,
        on_finish: Callable[[], None] | None = None,
        first_step: OpenStep | None = None,
    ) -> None:
        """`on_finish` is called once the run's end is durable. `first_step`: begun with the run."""
        super().__init__(run)
        self.fence = fence
        self.log = events
        self._on_finish = on_finish
        self._begun: dict[str, OpenStep] = {}
        if first_step is not None:
            self._begun[first_step.key] = first_step
            self._steps[first_step.key] = state_of(first_step, "started", Outcome(None))
            run.position = max(run.position, first_step.position)
        self.count_steps()
        self._lock = asyncio.Lock()
        self._held: _HeldEnd | None = None

    async def flush(self) -> None:
        """Write an end that was held back, if there is one: before the run is let go."""
        async with self._lock:
            held = self._held
            if held is not None:
                self._held = None
                self._told(held, await self._write(sql.STEP_END, held.values))
            elif self._verdicts:
                rows, self._verdicts = self._verdicts, []
                at = await self._write(sql.VERDICTS, {"verdicts": as_records(rows)})
                self._tell(None, rows, at)

    async def _write(self, statement: str, values: dict[str, Any], also: str = "") -> Any:
        """`also`: another statement with the same values, which gives no rows."""
        values["run_id"] = self.run.id
        values["fence"] = self.fence
        held, self._held = self._held, None
        rows, self._verdicts = self._verdicts, []
        try:
            row = await self._write_all(held, rows, statement, values, also)
        except BaseException:
            self._verdicts[:0] = rows  # written twice is no harm, not at all would be
            raise
        if row is None:
            raise Fenced(str(self.run.id))
        return row[0]

    async def _write_all(
        self,
        held: _HeldEnd | None,
        rows: list[VerdictRow],
        statement: str,
        values: dict[str, Any],
        also: str,
    ) -> Any:
        async with tenant_connection() as conn:
            if held is None and not rows and not also:
                return await (await conn.execute(statement, values)).fetchone()
            # All in one message, which Postgres takes as one transaction.
            bind = AsyncClientCursor(conn).mogrify
            parts = [bind(sql.STEP_END, held.values)] if held is not None else []
            if rows:
                ids = {"run_id": self.run.id, "fence": self.fence}
                parts.append(bind(sql.VERDICTS, {**ids, "verdicts": as_records(rows)}))
            riding = len(parts)
            parts.append(bind(statement, values))
            if also:
                parts.append(bind(also, values))
            cursor = await conn.execute(";".join(parts))
            row = await cursor.fetchone()
            if riding and row is not None:
                self._tell(held, rows, row[0])
                for _ in range(riding):
                    cursor.nextset()
                row = await cursor.fetchone()
            return row

    def _tell(self, held: _HeldEnd | None, rows: list[VerdictRow], at: datetime) -> None:
        """What rode along is durable: say so in the order of the journal."""
        for one in rows:
            one.step.started_at = at - timedelta(seconds=one.seconds)
            one.step.finished_at = at
            if held is not None and (one.step.finished_position or 0) > held.position:
                self._told(held, at)
                held = None
            event = tripped_event(self.log.source, one.step)
            if event is not None:
                self.log.publish(event)
        if held is not None:
            self._told(held, at)

    # --- steps ------------------------------------------------------------------------------------

    async def _start(self, key: str, kind: str, name: str, attempt: int, input: Any) -> OpenStep:
        async with self._lock:
            before = self._steps.get(key)
            seq = before.seq if before else self._next_seq
            if before is None:
                self._next_seq += 1
            opened = OpenStep(seq, key, kind, name, attempt, self.next_position(), input)
            opened.started_at = await self._write(
                sql.STEP_START,
                {
                    "seq": seq,
                    "key": key,
                    "kind": kind,
                    "name": name,
                    "attempt": attempt,
                    "input": as_jsonb(input),
                    "position": opened.position,
                },
            )
            asked = before.asked if before is not None else None
            self._steps[key] = state_of(opened, "started", Outcome(None), asked=asked)
        return opened

    async def _end(self, opened: OpenStep, outcome: Outcome, on_end: Note | None) -> StepState:
        async with self._lock:
            position = self.next_position()
            at = await self._write(sql.STEP_END, ending_values(opened, outcome, position))
            return self._record(opened, outcome, position, at, on_end)

    async def _hold_end(self, opened: OpenStep, outcome: Outcome, on_end: Note | None) -> StepState:
        """Record the end with the next write. Lost with the process, the work is done again."""
        async with self._lock:
            position = self.next_position()
            step = self._record(opened, outcome, position, None, None)
            values = ending_values(opened, outcome, position)
            values |= {"run_id": self.run.id, "fence": self.fence}
            assert self._held is None
            self._held = _HeldEnd(position, values, opened, step, on_end)
            return step

    def _told(self, held: _HeldEnd, at: datetime) -> None:
        held.step.finished_at = at
        if held.on_end is not None:
            held.on_end(held.opened, held.step)

    async def _end_in_transaction(
        self, opened: OpenStep, work: Callable[[OpenStep], Outcome], on_end: Note | None
    ) -> StepState:
        async with self._lock:
            position = self.next_position()

            def unit() -> tuple[Outcome, datetime]:
                with transaction.atomic(), connection.cursor() as cursor:
                    # The guard first: under a stale fence the effect must not even be tried.
                    ids = {"run_id": self.run.id, "fence": self.fence}
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
        await _whole(self._finish(ending))

    async def _finish(self, ending: Ending) -> None:
        async with self._lock:
            asks = any(open_question(step) for step in self._steps.values())
            also = sql.CLOSE_APPROVALS if asks else ""
            self._ended(ending, await self._write(sql.FINISH, self._finishing(ending), also))

    async def _end_with_run(
        self, opened: OpenStep, outcome: Outcome, ending: Ending, on_end: Note | None
    ) -> StepState:
        return await _whole(self._end_both(opened, outcome, ending, on_end))

    async def _end_both(
        self, opened: OpenStep, outcome: Outcome, ending: Ending, on_end: Note | None
    ) -> StepState:
        async with self._lock:
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
            at = await self._write(sql.FINISH_WITH_STEP, values)
            step = self._record(opened, outcome, position, at, on_end)
            self._ended(ending, at)
            return step

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
            "answer": storable(str(ending.output)) if ending.status == "completed" else None,
        }

    def _ended(self, ending: Ending, at: datetime) -> None:
        run = self.run
        run.status, run.output, run.error = ending.status, ending.output, ending.error
        run.finished_at = at
        sealing.mark()
        if self._on_finish is not None:
            self._on_finish()


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even when the caller is cancelled meanwhile; then pass that on."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.cancelled():
            await asyncio.wait({task})
        raise
