"""The journal: a finished step is never done again.

`step` is the primitive of everything a run does. Retries live here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from agents.runtime.child_records import ChildRuns
from agents.runtime.faults import Fenced, RunFault
from agents.runtime.outage import through_outage
from agents.runtime.outcomes import Ending, Outcome, as_fault
from agents.runtime.riding import Note, Queued
from agents.runtime.state import OpenStep, StepState
from config.metrics import STEP_RETRIES
from config.trace import enter_span
from tenants.outage import database_away

log = logging.getLogger(__name__)

Work = Callable[[OpenStep], Awaitable[Outcome]]


class Journal(ChildRuns):
    """The journal of one run in the hands of its owner."""

    # --- reading ----------------------------------------------------------------------------------

    def find(self, key: str) -> StepState | None:
        return self._steps.get(key)

    def finished(self, key: str) -> StepState | None:
        """The step under `key` if its outcome is recorded."""
        step = self._steps.get(key)
        if step is None or step.finished_position is None or step.output is None:
            return None
        return step if step.status in ("finished", "failed") else None

    def tool_keys(self, tool: str) -> list[str]:
        """The keys of the steps that called this tool, in the journal's order."""
        return [step.key for step in self.steps_of("tool") if step.name == tool]

    def last_step(self, kind: str) -> StepState | None:
        """The latest step of this kind, in whatever state."""
        steps = [step for step in self._steps.values() if step.kind == kind]
        return max(steps, key=lambda step: step.seq, default=None)

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
        final: Callable[[Outcome], Ending | None] | None = None,
        may_wait: bool = False,
        at_once: bool = False,
        pauses: Callable[[int], float] | None = None,
    ) -> StepState:
        """Do `work` once and record it; on re-entry return what is recorded and do nothing.

        `work` may raise an exception with a true `retryable`: it is tried again, at most `attempts`
        times in all, with a growing pause. Any other exception is recorded and raised as RunFault.
        With `in_transaction` the work is that plain function instead, run in the same database
        transaction as the record of its end. `when_cancelled` says what there is to keep of work
        that a cancelled run leaves. An outcome for which `final` gives an ending is recorded
        together with the run's end. With `may_wait` (work that does no harm when done again) its
        end is recorded with the run's next write; with `at_once` (the same) it begins while its
        start is still being written. `pauses`: seconds after an attempt, where they are declared.
        Raises Fenced when the run has another owner.
        """
        done = self.finished(key)
        if done is not None:
            return done
        await self.leave_if_asked()
        begun = self._begun.pop(key, None)
        before = self._steps.get(key)
        attempt = begun.attempt if begun else before.attempt + 1 if before else 1
        last = attempt + max(attempts, 1) - 1
        while True:
            starting: Queued | None = None
            if begun is None and at_once:
                opened, starting = self._start_soon(key, kind, name, attempt, input, on_start)
            elif begun is None:
                opened = await self._start(key, kind, name, attempt, input, on_start)
            else:
                opened, begun = begun, None
                if on_start is not None:
                    on_start(opened)
            enter_span(self.run.id, key, attempt)
            try:
                if in_transaction is not None:
                    return await self._end_in_transaction(opened, in_transaction, on_end)
                outcome = await work(opened)
            except (Fenced, RunFault):
                raise
            except asyncio.CancelledError:
                if when_cancelled is not None and self.root.cancel_requested:
                    await asyncio.shield(self._end(opened, when_cancelled(), None))
                raise
            except Exception as error:
                if starting is not None:
                    await self._over(starting)
                if database_away(error):  # no failure of the step: it is done again from here
                    raise
                if not getattr(error, "retryable", False) or attempt >= last:
                    await self._fail(opened, error, on_end)
                    raise as_fault(error, attempt) from error
                STEP_RETRIES.labels(kind).inc()
                if pauses is not None:
                    await asyncio.sleep(pauses(attempt))
                else:
                    await self._pause_before_retry(attempt, error)
                attempt += 1
                continue
            if starting is not None:
                await self._over(starting)
            ending = final(outcome) if final is not None else None
            if ending is not None:
                return await self._end_with_run(opened, outcome, ending, on_end)
            if may_wait:
                return self._end_later(opened, outcome, on_end)
            return await through_outage(self._end, opened, outcome, on_end)

    async def _pause_before_retry(self, attempt: int, error: Exception) -> None:
        if getattr(error, "at_once", False):
            return
        pause = min(settings.RETRY_BASE_SECONDS * 2 ** (attempt - 1), settings.RETRY_MAX_SECONDS)
        # Full jitter: many runs that failed together must not come back together.
        pause = random.uniform(pause / 2, pause)
        asked = getattr(error, "retry_after", None)
        await asyncio.sleep(max(pause, min(float(asked or 0), settings.RETRY_MAX_SECONDS)))

    async def _fail(self, opened: OpenStep, error: Exception, on_end: Note | None) -> None:
        fault = as_fault(error, opened.attempt)
        if fault.code == "internal":
            log.exception("step %s of run %s failed", opened.key, self.run.id)
        await self._end(opened, Outcome(None, error=fault.as_json()), on_end)
