"""Tools that write: once for each call, for one's own, refused with what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from agents.showcase.models import Dispatch, FileChange, Incident, Todo
from agents.tools.errors import ToolError
from tenants.context import TenantRef, use_tenant

pytestmark = pytest.mark.django_db


def incident(call: Any, report: str = "Cardiac arrest", location: str = "Central Mall") -> int:
    return int(call("open_incident", report=report, location=location)["incident"])


@pytest.mark.parametrize(
    ("report", "kind", "severity", "medical"),
    [
        ("Cardiac arrest reported in public mall", "cardiac arrest", 5, True),
        ("Smoke from a window", "fire", 5, False),
        ("An old man fell on the stairs", "injury", 2, True),
        ("Somebody is gasping and something is strange", "unclear", 3, True),
    ],
)
def test_a_report_is_assessed_by_the_protocols(
    call: Any, report: str, kind: str, severity: int, medical: bool
) -> None:
    found = call("assess_incident", report=report)
    assert (found["incident_type"], found["severity"], found["medical"]) == (
        kind,
        severity,
        medical,
    )
    assert found["kinds"]


def test_the_nearest_units_are_reserved_and_dispatched_once(call: Any) -> None:
    number = incident(call)
    with pytest.raises(ToolError, match="reserve units first"):
        call("dispatch_units", incident=number)
    kinds = ["ambulance", "critical-care", "ambulance"]
    held = call("reserve_units", incident=number, location="Central Mall", kinds=kinds, key="k")
    assert [one["unit"] for one in held["units"]] == ["A-2", "CC-1"]
    same = call(
        "reserve_units", incident=number, location="Central Mall", kinds=["police"], key="k"
    )
    assert same["units"] == held["units"]
    sent = call("dispatch_units", incident=number)
    again = call("dispatch_units", incident=number)
    assert sent == again and sent["status"] == "dispatched" and sent["units"] == held["units"]
    assert Dispatch.objects.count() == 1

    later = incident(call)
    others = call("reserve_units", incident=later, location="Central Mall", kinds=kinds)
    assert not {one["unit"] for one in others["units"]} & {one["unit"] for one in held["units"]}


def test_who_gets_to_the_island_is_reserved_and_the_rest_is_missing(call: Any) -> None:
    number = incident(call, location="Harbour Island")
    kinds = ["ambulance", "critical-care"]
    held = call("reserve_units", incident=number, location="harbour island, pier 2", kinds=kinds)
    assert (held["kinds"], held["missing"]) == (["ambulance"], ["critical-care"])
    assert held["hospital"] == "St Anne's Hospital"


def test_a_place_that_is_not_on_the_map_is_helped_all_the_same(call: Any) -> None:
    opened = call("open_incident", report="A fall", location="12 Elm Road")
    assert opened["on_the_map"] is False
    kinds = ["ambulance"]
    held = call("reserve_units", incident=opened["incident"], location="12 Elm Road", kinds=kinds)
    assert held["kinds"] == kinds
    with pytest.raises(ToolError, match="no incident 999999999"):
        call("reserve_units", incident=999_999_999, location="Here", kinds=kinds)


def test_an_incident_of_one_tenant_is_none_in_another(call: Any, globex: TenantRef) -> None:
    number = incident(call)
    with use_tenant(globex):
        assert not Incident.objects.filter(pk=number, report="Cardiac arrest").exists()


def test_a_file_is_changed_once_and_read_as_it_is_now(call: Any) -> None:
    change = {
        "path": "ledgerly/retry.py",
        "old": "MAX_ATTEMPTS = 8",
        "new": "MAX_ATTEMPTS = 5",
        "reason": "The docs say five.",
    }
    made = call("change_file", key="k", **change)
    assert call("change_file", key="k", **change) == made
    assert FileChange.objects.count() == 1
    assert "MAX_ATTEMPTS = 5" in call("read_file", path="ledgerly/retry.py")["content"]
    assert (
        "ledgerly/retry.py:3: MAX_ATTEMPTS = 5"
        in call("search_code", query="MAX_ATTEMPTS")["results"]
    )
    call("change_file", **{**change, "old": "MAX_ATTEMPTS = 5", "new": "MAX_ATTEMPTS = 6"})
    assert "MAX_ATTEMPTS = 6" in call("read_file", path="ledgerly/retry.py")["content"]
    for wrong, said in (
        ({"old": "MAX_ATTEMPTS = 8"}, "stands in ledgerly/retry.py no times"),
        ({"old": "MAX_ATTEMPTS"}, "2 times"),
        ({"path": "nowhere.py"}, "no file 'nowhere.py'; list_files names them"),
    ):
        with pytest.raises(ToolError, match=said):
            call("change_file", **{**change, **wrong})


def test_issues_are_listed_and_read(call: Any) -> None:
    numbers = [one["number"] for one in call("list_issues")["issues"]]
    assert numbers == sorted(numbers)
    assert "timing" in call("read_issue", issue=15)["title"]
    with pytest.raises(ToolError, match="no open issue 99; open are 12, 13"):
        call("read_issue", issue=99)


def test_to_dos_are_ones_own_and_there_once(call: Any) -> None:
    first = call("add_todo", text="Book the dentist", key="k")
    assert call("add_todo", text="Book the dentist", key="k") == first
    assert call("add_todo", text="book THE dentist")["todo_id"] == first["todo_id"]
    assert call("list_todos", who="builder") == {"todos": [], "total": 0}
    with pytest.raises(ToolError, match="no to-do"):
        call("finish_todo", who="builder", todo_id=first["todo_id"])
    for _ in range(2):
        assert call("finish_todo", todo_id=first["todo_id"]) == {"finished": first["todo_id"]}
    assert call("list_todos")["total"] == 0
    assert call("list_todos", with_done=True)["todos"][0]["done"] is True
    assert call("add_todo", text="Book the dentist")["todo_id"] != first["todo_id"]
    assert Todo.objects.count() == 2


def test_notes_are_checked_for_repeats_and_riddles(call: Any) -> None:
    assert call("check_notes") == {"checked": 0, "findings": ["Nothing is wrong with them."]}
    for text in (
        "The dentist is Dr Weber, Mill Road 3",
        "Call Ada about the telescope on Monday",
        "dentist is dr. weber, mill road 3!",
        "blue",
    ):
        call("create_note", text=text)
    call("create_note", who="builder", text="blue")
    found = call("check_notes")
    assert found["checked"] == 4 and len(found["findings"]) == 2
    assert any("say the same: “dentist is dr. weber" in one for one in found["findings"])
    assert any("very short: “blue”" in one for one in found["findings"])
