"""Where the waterfall puts a step, and what it says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents.admin.shown import ago, as_text, duration, one_line
from agents.admin.waterfall import SHOWN_CHARS, waterfall
from agents.budgets import Limits
from agents.models import Run, Step
from agents.services.differences import differences
from agents.specs import AgentSpec

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def run(**fields: Any) -> Run:
    return Run(**{"status": "completed", "created_at": START, "started_at": START} | fields)


def step(seq: int, begin: float, end: float | None, **fields: Any) -> Step:
    given = {
        "seq": seq,
        "key": f"model:{seq}",
        "kind": "model",
        "name": "demo",
        "status": "finished" if end is not None else "started",
        "started_at": at(begin),
        "finished_at": None if end is None else at(end),
    }
    return Step(**given | fields)


def test_bars_lie_where_the_step_was_in_the_time_of_the_run() -> None:
    shown = waterfall(run(finished_at=at(10)), [step(1, 0, 2.5), step(2, 5, 10)])
    assert [(bar.left, bar.width) for bar in shown.bars] == [
        ("0.000%", "25.000%"),
        ("50.000%", "50.000%"),
    ]
    assert [bar.takes for bar in shown.bars] == ["2.5 s", "5.0 s"]
    assert [bar.starts for bar in shown.bars] == ["+0 ms", "+5.0 s"]
    assert shown.total == "10.0 s"
    assert [label for _, label in shown.ticks] == ["0", "2.5 s", "5.0 s", "7.5 s", "10.0 s"]


def test_a_very_short_step_at_the_end_is_still_seen_and_inside() -> None:
    (bar,) = waterfall(run(finished_at=at(100)), [step(1, 100, 100)]).bars
    left, width = float(bar.left[:-1]), float(bar.width[:-1])
    assert width > 0.5 and left + width <= 100.0001


def test_a_step_under_way_reaches_to_now() -> None:
    live = run(status="running", finished_at=None)
    (bar,) = waterfall(live, [step(1, 2, None)], now=at(4)).bars
    assert bar.under_way and (bar.left, bar.width, bar.takes) == ("50.000%", "50.000%", "2.0 s")


def test_a_step_that_its_run_left_unfinished_is_said_to_be_so() -> None:
    (bar,) = waterfall(run(status="cancelled", finished_at=at(4)), [step(1, 1, None)]).bars
    assert (bar.status_label, bar.takes, bar.under_way) == ("Not finished", "—", False)


def test_a_run_without_steps_or_time_does_not_divide_by_nothing() -> None:
    assert waterfall(run(finished_at=START), []).bars == ()
    assert len(waterfall(run(finished_at=START), [step(1, 0, 0)]).bars) == 1


def test_tokens_errors_attempts_and_long_values() -> None:
    failed = step(
        1,
        0,
        1,
        status="failed",
        attempt=2,
        error={"code": "tool_error", "message": "no"},
        input={"expression": "ä" * 10},
        output="x" * (SHOWN_CHARS + 5),
        input_tokens=1200,
        output_tokens=3,
    )
    (bar,) = waterfall(run(finished_at=at(1)), [failed]).bars
    assert (bar.error, bar.tone, bar.attempt) == ("tool_error: no", "danger", 2)
    assert bar.tokens == "1,200 in · 3 out"
    given, made = bar.values
    assert '"expression": "ääää' in given.text and given.cut == 0
    assert len(made.text) == SHOWN_CHARS and made.cut == 5


def test_durations_are_for_people() -> None:
    assert [duration(s) for s in (None, -1, 0.0124, 59.94, 61, 3600 * 2 + 61)] == [
        "—",
        "0 ms",
        "12 ms",
        "59.9 s",
        "1 min 01 s",
        "2 h 01 min",
    ]
    assert one_line("a\n b " + "c" * 100, 10) == "a b cccccc…"[:9] + "…"
    assert as_text("plain") == "plain" and as_text(None) == ""
    assert ago(None) == "—"


SPEC = AgentSpec(slug="a", name="A", instructions="one\ntwo", tools=("x",))


def test_only_what_differs_is_listed() -> None:
    changed = SPEC.model_copy(update={"tools": (), "limits": Limits(turns=3)})
    found = {d.label: (d.before, d.after) for d in differences(SPEC, changed)}
    assert found == {"Tools": ("x", "none"), "Turns": ("10", "3")}
    assert differences(SPEC, SPEC) == []


def test_texts_of_several_lines_are_compared_line_by_line() -> None:
    changed = SPEC.model_copy(update={"instructions": "one\n2"})
    (found,) = differences(SPEC, changed)
    assert [(line.sign, line.text) for line in found.lines] == [
        (" ", "one"),
        ("-", "two"),
        ("+", "2"),
    ]


def test_a_first_publication_lists_what_is_set() -> None:
    labels = [found.label for found in differences(None, SPEC)]
    assert "Name" in labels and "Temperature" not in labels
    assert all(not found.before for found in differences(None, SPEC))
