"""A run's input past the guardrails, before anything of it is written anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.guardrails.of_tenant import plan_for
from agents.guardrails.verdicts import Stage
from agents.runtime import sql
from agents.runtime.build import Built
from agents.runtime.guarding import input_looked
from agents.runtime.log import RunLog
from agents.runtime.outcomes import as_text
from agents.runtime.state import RunState
from agents.runtime.verdict_rows import VerdictRow, as_records, rows_of_input, tripped_event


@dataclass(frozen=True, slots=True)
class LookedAtInput:
    """`value` is what may be kept. `waits`: no model step begins with the run, for the input is
    blocked or somebody else is to be asked about it first.
    """

    value: Any
    rows: tuple[VerdictRow, ...] = ()
    waits: bool = False

    @property
    def text(self) -> str:
        """The input as a conversation shows it: an object as JSON."""
        return as_text(self.value)

    @property
    def steps(self) -> int:
        """How many steps of the journal come before the run's first."""
        return len(self.rows)

    @property
    def values(self) -> dict[str, Any]:
        """What the start's statement needs besides."""
        if not self.rows:
            return {}
        first = len(self.rows) + 1
        return {
            "verdicts": as_records(self.rows),
            "step_seq": first,
            "step_position": first + 1,
        }

    def statement(self, kind: str, *, in_session: bool) -> str:
        return sql.START[kind, in_session, bool(self.rows)]

    def tell(self, run: RunState, events: RunLog) -> None:
        """Give a run that begins here the verdicts it was written with, and say what tripped."""
        for row in self.rows:
            row.step.started_at = row.step.finished_at = run.started_at
            run.steps.append(row.step)
            run.position += 1
            event = tripped_event(run.source, row.step)
            if event is not None:
                events.publish(event)


async def look_at_input(agent: Built, given: Any) -> LookedAtInput:
    """What the tenant's guardrails and the agent's say of an input; those that call out wait."""
    plan = await plan_for(agent.digest, agent.spec.guardrails)
    stage = plan.at(Stage.INPUT) if plan is not None else None
    if stage is None:
        return LookedAtInput(given)
    looked = input_looked(plan, given)
    return LookedAtInput(
        looked.value,
        tuple(rows_of_input(looked.verdicts)),
        waits=looked.blocked is not None or bool(stage.calls),
    )
