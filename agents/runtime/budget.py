"""A run that passes a budget, its own or one above it, ends before its next model call.

What its whole tree has used so far counts. What a call uses isn't known before, so the last one may
take a run beyond a budget; none is begun after that, by it or by anything below it.
"""

from __future__ import annotations

from decimal import Decimal

from agents.budgets import Share
from agents.limits.check import check_going_on
from agents.models_llm.pricing import total_cost
from agents.runtime.faults import RunFault
from agents.runtime.journal import Journal
from agents.runtime.stages import at_work, way_down
from agents.runtime.writing import Writing


async def check_budget(journal: Journal) -> None:
    """Raises RunFault with the budget's code, and the `stage` that took the run there."""
    if passed := journal.allowed.passed(*_used(journal)):
        most = _words(journal, journal.allowed, passed)
        said = f"It used more than the {most} that its team allows it here."
        raise _fault(passed, said, at_work(journal))
    check_own(journal)
    for above in journal.ancestors():
        if passed := above.limit.passed(*_used(above)):
            raise _fault(
                passed,
                f"The {above.run.kind} {above.run.slug} used more than the "
                f"{_words(above, above.limit, passed)} that it is allowed with all its members.",
                way_down(journal, above),
            )
    reached = await check_going_on(journal.run.member_id, *_used(journal.top))
    if reached is not None:
        figures = not reached.limit.of_tenant
        raise RunFault(
            reached.limit.kind.code,
            reached.message(figures=figures),
            **reached.detail(figures=figures),
        )


def check_own(journal: Writing) -> None:
    """By the run's own limits alone: nothing is asked of the database. Raises RunFault."""
    if passed := journal.limit.passed(*_used(journal)):
        most = _words(journal, journal.limit, passed)
        raise _fault(passed, f"The run used more than the {most} it is allowed.", at_work(journal))


def _fault(passed: str, said: str, stage: str) -> RunFault:
    detail = {"stage": stage} if stage else {}
    if passed == "tokens":
        return RunFault("limit_tokens", said, **detail)
    return RunFault("limit_cost", said, **detail)


def _words(journal: Writing, share: Share, passed: str) -> str:
    if passed == "tokens":
        return f"{share.tokens:,} tokens"
    currency = journal.run.model.get("currency") or ""
    return f"{share.cost:f} {currency}".rstrip() + " of cost"


def _used(journal: Writing) -> tuple[int, Decimal | None]:
    """Tokens and cost of a run so far, with the child runs at work below it."""
    runs = [journal.run, *(one.run for one in journal.below())] if journal.tree else [journal.run]
    tokens = sum(run.input_tokens + run.output_tokens for run in runs)
    return tokens, total_cost([run.cost for run in runs])
