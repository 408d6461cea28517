"""A run that passes a budget of its member or tenant ends before its next model call."""

from __future__ import annotations

from agents.limits.check import check_going_on
from agents.runtime.faults import RunFault
from agents.runtime.journal import Journal


async def check_budget(journal: Journal) -> None:
    """Raises RunFault with the budget's code. The run's own use so far counts."""
    run = journal.run
    reached = await check_going_on(run.member_id, run.input_tokens + run.output_tokens, run.cost)
    if reached is not None:
        figures = not reached.limit.of_tenant
        raise RunFault(
            reached.limit.kind.code,
            reached.message(figures=figures),
            **reached.detail(figures=figures),
        )
