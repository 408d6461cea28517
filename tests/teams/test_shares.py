"""What a stage has left after a try, worked out of records alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agents.budgets import Share, StageSpec
from agents.runtime.shares import Stage
from agents.runtime.state import StepState

BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def tried(seconds: float, tokens: int = 0, cost: str = "0") -> StepState:
    """A delegation that took so long and used so much."""
    return StepState(
        seq=1,
        key="step:s1:0:0",
        kind="delegation",
        name="Scout",
        status="failed",
        attempt=1,
        input={},
        output={},
        error={"code": "contract_broken"},
        input_tokens=tokens,
        output_tokens=0,
        started_position=1,
        finished_position=2,
        started_at=BEGUN,
        finished_at=BEGUN + timedelta(seconds=seconds),
        cost=Decimal(cost),
    )


def pause(since: float, until: float | None) -> dict[str, str]:
    found = {"at": (BEGUN + timedelta(seconds=since)).isoformat()}
    if until is not None:
        found["resumed_at"] = (BEGUN + timedelta(seconds=until)).isoformat()
    return found


def test_each_try_takes_its_time_tokens_and_cost_of_what_is_left() -> None:
    stage = Stage.of(StageSpec(seconds=10, tokens=100, cost=Decimal("0.5")))
    after = stage.after(tried(4, 60, "0.2"), [])
    assert (after.seconds, after.share) == (6, Share(40, Decimal("0.3")))
    assert not after.spent
    assert stage.after(tried(11), []).spent
    assert stage.after(tried(1, 100), []).spent
    assert stage.after(tried(1, 1, "0.6"), []).spent


def test_waiting_for_people_takes_nothing_of_it() -> None:
    stage = Stage.of(StageSpec(seconds=10))
    # Half of the second pause was before the try, and the last isn't over.
    pauses = [pause(2, 5), pause(-4, 1), pause(7, None)]
    after = stage.after(tried(8), pauses)
    assert after.seconds == 10 - (8 - 3 - 1)


def test_a_stage_without_a_budget_is_never_spent() -> None:
    stage = Stage.of(None).after(tried(1e6, 10**9, "1000"), [])
    assert stage == Stage() and not stage.spent


def test_of_two_shares_the_lesser_holds() -> None:
    both = Share(5, None) & Share(9, Decimal(1))
    assert both == Share(5, Decimal(1))
    assert both.passed(6, None) == "tokens"
    assert both.passed(5, Decimal("1.1")) == "cost"
    assert both.passed(5, Decimal(1)) == ""
