"""The journal: a finished step is never done again.

`step` is the primitive of DESIGN 2.2. Writes of one run are serialised by a lock, so that the order
of positions is the order of commits and of events. Retries live here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction

from agents.runtime import sql
from agents.runtime.faults import Fenced, RunFault
from agents.runtime.log import RunLog
from agents.runtime.metrics import step_ended
from agents.runtime.state import RunState, StepState
from agents.tools.output import storable
from config.metrics import STEP_RETRIES
from config.trace import enter_span
from tenants.hop import hop
from tenants.pool import tenant_connection

log = logging.getLogger(__name__)


def as_jsonb(value: Any) -> str | None:
    """JSON text that Postgres takes: what jsonb refuses (NUL, lone surrogates) is replaced."""
    return None if value is None else orjson.dumps(storable(value)).decode()


@dataclass(slots=True)
class Outcome:
    """What a step's work gives back. `error` set means the step is recorded as failed.

    A failed step with an output is an answer too (a tool that refused): it replays like any other.
    """

    output: Any
    error: dict[str, Any] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None


@dataclass(slots=True)
class OpenStep:
    """A started step, as its work sees it."""

    seq: int
    key: str
    kind: str
    name: str
    attempt: int
    position: int
    input: Any
    started_at: datetime | None = None
    clock: float = field(default_factory=time.perf_counter)


Work = Callable[[OpenStep], Awaitable[Outcome]]
Note = Callable[[OpenStep, StepState], None]


class Journal:
    """The journal of one run in the hands of its owner."""

    def __init__(self, run: RunState, fence: int, events: RunLog) -> None:
        self.run = run
        self.fence = fence
        self.log = events
        self._steps = {step.key: step for step in run.steps}
        self._next_seq = max((step.seq for step in run.steps), default=0) + 1
        self._lock = asyncio.Lock()

    # --- reading ----------------------------------------------------------------------------------

    def find(self, key: str) -> StepState | None:
        return self._steps.get(key)

    def finished(self, key: str) -> StepState | None:
        """The step under `key` if its outcome is recorded."""
        step = self._steps.get(key)
        if step is None or step.finished_position is None or step.output is None:
            return None
        return step if step.status in ("finished", "failed") else None

    def last_step(self, kind: str) -> StepState | None:
        """The latest step of this kind, in whatever state."""
        steps = [step for step in self._steps.values() if step.kind == kind]
        return max(steps, key=lambda step: step.seq, default=None)

    def next_position(self) -> int:
        self.run.position += 1
        return self.run.position

    # --- the primitive ----------------------------------------------------------------------------

    async def step(
        self,
        key: str,
        kind: str,
        name: str,
        work: Work,
        *,
        input: Any = None,
        attempts: int = 1,
        on_start: Callable[[OpenStep], None] | None = None,
        on_end: Note | None = None,
        in_transaction: Callable[[OpenStep], Outcome] | None = None,
        when_cancelled: Callable[[], Outcome] | None = None,
    ) -> StepState:
        """Do `work` once and record it; on re-entry return what is recorded and do nothing.

        `work` may raise an exception with a true `retryable`: it is tried again, at most `attempts`
        times in all, with a growing pause. Any other exception is recorded and raised as RunFault.
        With `in_transaction` the work is that plain function instead, run in the same database
        transaction as the record of its end. `when_cancelled` says what there is to keep of work
        that a cancelled run leaves. Raises Fenced when the run has another owner.
        """
        done = self.finished(key)
        if done is not None:
            return done
        before = self._steps.get(key)
        attempt = before.attempt + 1 if before else 1
        last = attempt + max(attempts, 1) - 1
        while True:
            opened = await self._start(key, kind, name, attempt, input)
            enter_span(self.run.id, key, attempt)
            if on_start is not None:
                on_start(opened)
            try:
                if in_transaction is not None:
                    return await self._end_in_transaction(opened, in_transaction, on_end)
                outcome = await work(opened)
            except (Fenced, RunFault):
                raise
            except asyncio.CancelledError:
                if when_cancelled is not None and self.run.cancel_requested:
                    await asyncio.shield(self._end(opened, when_cancelled(), None))
                raise
            except Exception as error:
                if not getattr(error, "retryable", False) or attempt >= last:
                    await self._fail(opened, error, on_end)
                    raise as_fault(error, attempt) from error
                STEP_RETRIES.labels(kind).inc()
                await self._pause_before_retry(attempt, error)
                attempt += 1
                continue
            return await self._end(opened, outcome, on_end)

    async def _pause_before_retry(self, attempt: int, error: Exception) -> None:
        if getattr(error, "at_once", False):
            return
        pause = min(settings.RETRY_BASE_SECONDS * 2 ** (attempt - 1), settings.RETRY_MAX_SECONDS)
        # Full jitter: many runs that failed together must not come back together.
        pause = random.uniform(pause / 2, pause)
        asked = getattr(error, "retry_after", None)
        await asyncio.sleep(max(pause, min(float(asked or 0), settings.RETRY_MAX_SECONDS)))

    # --- writing ----------------------------------------------------------------------------------

    async def _write(self, statement: str, values: dict[str, Any]) -> Any:
        values["run_id"] = self.run.id
        values["fence"] = self.fence
        async with tenant_connection() as conn:
            row = await (await conn.execute(statement, values)).fetchone()
        if row is None:
            raise Fenced(str(self.run.id))
        return row[0]

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
            self._steps[key] = self._state(opened, "started", Outcome(None), None, None)
        return opened

    async def _end(self, opened: OpenStep, outcome: Outcome, on_end: Note | None) -> StepState:
        async with self._lock:
            position = self.next_position()
            at = await self._write(sql.STEP_END, self._ending(opened, outcome, position))
            return self._record(opened, outcome, position, at, on_end)

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
                    cursor.execute(sql.STEP_END, {**ids, **self._ending(opened, outcome, position)})
                    return outcome, cursor.fetchone()[0]

            outcome, at = await hop(unit)
            return self._record(opened, outcome, position, at, on_end)

    async def _fail(self, opened: OpenStep, error: Exception, on_end: Note | None) -> None:
        fault = as_fault(error, opened.attempt)
        if fault.code == "internal":
            log.exception("step %s of run %s failed", opened.key, self.run.id)
        await self._end(opened, Outcome(None, error=fault.as_json()), on_end)

    def _ending(self, opened: OpenStep, outcome: Outcome, position: int) -> dict[str, Any]:
        return {
            "key": opened.key,
            "status": "failed" if outcome.error else "finished",
            "output": as_jsonb(outcome.output),
            "error": as_jsonb(outcome.error),
            "input_tokens": outcome.input_tokens,
            "output_tokens": outcome.output_tokens,
            "cost": outcome.cost,
            "position": position,
        }

    def _record(
        self,
        opened: OpenStep,
        outcome: Outcome,
        position: int,
        at: datetime | None,
        on_end: Note | None,
    ) -> StepState:
        status = "failed" if outcome.error else "finished"
        step = self._state(opened, status, outcome, position, at)
        self._steps[opened.key] = step
        step_ended(
            opened.kind, opened.clock, step.error, outcome.input_tokens, outcome.output_tokens
        )
        self.run.input_tokens += outcome.input_tokens
        self.run.output_tokens += outcome.output_tokens
        if outcome.cost is not None:
            self.run.cost = (self.run.cost or 0) + outcome.cost
        if on_end is not None:
            on_end(opened, step)
        return step

    def _state(
        self,
        opened: OpenStep,
        status: str,
        outcome: Outcome,
        position: int | None,
        at: datetime | None,
    ) -> StepState:
        return StepState(
            seq=opened.seq,
            key=opened.key,
            kind=opened.kind,
            name=opened.name,
            status=status,
            attempt=opened.attempt,
            input=opened.input,
            output=outcome.output,
            error=outcome.error,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            started_position=opened.position,
            finished_position=position,
            started_at=opened.started_at,
            finished_at=at,
            cost=outcome.cost,
        )

    async def finish(
        self, status: str, *, output: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        """Write the run's end, answer and title job, and give the ticket up: one statement."""
        run = self.run
        async with self._lock:
            position = self.next_position()
            key, payload = _title_job(run) if status == "completed" else (None, None)
            at = await self._write(
                sql.FINISH,
                {
                    "status": status,
                    "output": as_jsonb(output),
                    "error": as_jsonb(error),
                    "input_tokens": run.input_tokens,
                    "output_tokens": run.output_tokens,
                    "cost": run.cost,
                    "position": position,
                    "answer": storable(str(output)) if status == "completed" else None,
                    "job_key": key,
                    "job_payload": payload,
                },
            )
            run.status, run.output, run.error, run.finished_at = status, output, error, at


def _title_job(run: RunState) -> tuple[str, str]:
    from tenants.tasks import package

    return package("agents.runtime.jobs.title_session", str(run.session_id))


def as_fault(error: Exception, attempt: int) -> RunFault:
    """What the member is told of an error: its own words only where it is made to be shown."""
    code = getattr(error, "code", None)
    message = getattr(error, "message", None)
    if isinstance(code, str) and isinstance(message, str):
        return RunFault(code, message, attempts=attempt)
    return RunFault("internal", "Something went wrong inside the run.", attempts=attempt)
