"""What came of a workflow, as a page shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from agents.web.workflow_result import Value, shown_result


def test_short_words_come_first_and_lists_are_lists() -> None:
    output = {
        "said": "# Long\n\n" + "word " * 100,
        "tags": ["a", 2, True],
        "units": [{"kind": "ambulance", "eta_minutes": 3.9}],
        "deep": {"of": {"a": 1}},
        "ok": False,
        "none_of_it": [],
    }
    shown = shown_result(output)
    assert shown[:4] == [
        Value("Tags", items=["a", "2", "yes"]),
        Value("Units", items=["Kind: ambulance · Eta minutes: 3.9"]),
        Value("Ok", words="no"),
        Value("None of it", words="none"),
    ]
    assert shown[4].words.startswith("# Long")
    assert shown[5] == Value("Deep", data='{\n  "of": {\n    "a": 1\n  }\n}')


def test_what_is_no_object_is_one_value_and_nothing_is_none() -> None:
    assert shown_result("done") == [Value("", words="done")]
    assert shown_result({}) == shown_result(None) == []


def test_what_is_too_long_says_how_much_is_left_out() -> None:
    assert shown_result("x" * 100_007)[0].cut == 7
    assert shown_result(list(range(205)))[0].cut == 5


def test_times_are_told_in_the_readers_zone() -> None:
    done = datetime(2026, 11, 21, 23, 30, 5, tzinfo=UTC)
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        shown = shown_result({"at": done.isoformat(), "calls": [{"at": "2026-11-21T23:30:05Z"}]})
    assert shown == [
        Value("At", when=done),
        Value("Calls", items=["At: 22 Nov 2026, 08:30:05"]),
    ]
    for text in ("2026-11-21", "2026-11-21T23:30:05.5", "2026-13-21T23:30:05Z", "x" * 25):
        assert shown_result(text) == [Value("", words=text)]
    assert shown_result("9999-12-31T23:59:59-12:00") == [
        Value("", words="9999-12-31T23:59:59-12:00")
    ]
