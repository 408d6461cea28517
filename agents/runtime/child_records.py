"""The part of a run's journal that has child runs: a delegation is begun and ended in one write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from agents.runtime import child_sql, leaving
from agents.runtime.delegation_steps import KIND, started
from agents.runtime.faults import HandedOver
from agents.runtime.outage import through_outage
from agents.runtime.outcomes import Outcome, as_jsonb
from agents.runtime.questions import Questions
from agents.runtime.riding import Note
from agents.runtime.state import OpenStep, RunState, StepState
from agents.runtime.step_rows import state_of
from approvals.audit import sealing


class ChildRuns(Questions):
    """A run's journal as the place of its child runs."""

    def steps_of(self, kind: str) -> list[StepState]:
        """The steps of this kind, in whatever state, in the journal's order."""
        found = [step for step in self._steps.values() if step.kind == kind]
        return sorted(found, key=lambda step: step.seq)

    async def leave_if_asked(self) -> None:
        """Raises HandedOver when the run is to begin nothing more in this process."""
        if leaving.asked(self.root.id):
            await self.flush()
            raise HandedOver

    async def begin_child(
        self,
        key: str,
        name: str,
        child: RunState,
        given: dict[str, Any],
        seconds: float,
        begun: Callable[[], None],
    ) -> None:
        """Write the delegation's step with the child run that is its work, and tell of the step.

        `child` gets its times, its place and its revision's number; then `begun` is called, to tell
        of it before anything that comes after. `seconds`: what it may take.
        """
        await self.leave_if_asked()
        opened = OpenStep(self._next_seq, key, KIND, name[:200], 1, self.next_position(), given)
        self._next_seq += 1
        values = {
            "seq": opened.seq,
            "key": key,
            "name": opened.name,
            "input": as_jsonb(given),
            "position": opened.position,
            "child_id": child.id,
            "revision_id": child.revision_id,
            "child_kind": child.kind,
            "child_slug": child.slug,
            "session_id": child.session_id,
            "depth": child.depth,
            "member_id": child.member_id,
            "child_input": as_jsonb(child.input),
            "model": as_jsonb(child.model),
            "trace_id": child.trace_id,
            "seconds": seconds,
        }

        def told(row: Any) -> None:
            at, child.revision = row
            sealing.mark()
            opened.started_at = child.created_at = child.started_at = at
            child.deadline_at = at + timedelta(seconds=seconds)
            child.position = child.first_position = opened.position
            self._steps[key] = state_of(opened, "started", Outcome(None))
            self.log.publish(started(self.log.source, opened))
            begun()

        await self._queued(opened.position, child_sql.DELEGATE, values, told)

    async def end_child(self, opened: OpenStep, outcome: Outcome, on_end: Note) -> StepState:
        """Record what the child run came to, whose end is written already."""
        return await through_outage(self._end, opened, outcome, on_end)
