"""The notes of one member, through the same calls as in a run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from agents.models import Note
from agents.tools import builtin, registry
from agents.tools.calling import (
    ArgumentError,
    ToolError,
    ToolTimeout,
    invoke_sync,
    parse_arguments,
)
from agents.tools.spec import Arguments, ToolContext
from tests.tools.making import context, spec

pytestmark = pytest.mark.django_db

builtin.load()


def call(member: Any, name: str, **arguments: Any) -> Any:
    tool = registry.get(name)
    own = context(member_id=member.pk, tenant_schema="acme")
    with transaction.atomic():
        return invoke_sync(tool, own, parse_arguments(tool, arguments)).data


@pytest.fixture(autouse=True)
def no_notes_of_other_tests(acme_member: Any) -> None:
    """Runs of other tests have left theirs; this goes with the test's transaction."""
    Note.objects.all().delete()


@pytest.fixture
def somebody_else(acme_member: Any) -> Any:
    return get_user_model().objects.create_user("somebody-else")


def test_a_created_note_is_listed_and_can_be_deleted(acme_member: Any) -> None:
    made = call(acme_member, "create_note", text="  buy milk  ")
    note = Note.objects.get(pk=made["note_id"])
    assert (note.text, note.member_id) == ("buy milk", acme_member.pk)
    listed = {
        "note_id": note.pk,
        "text": "buy milk",
        "created_at": note.created_at.isoformat(),
    }
    assert made["created_at"] == listed["created_at"]
    assert call(acme_member, "list_notes") == {"notes": [listed], "total": 1}

    assert call(acme_member, "delete_note", note_id=note.pk) == {"deleted": note.pk}
    assert call(acme_member, "list_notes") == {"notes": [], "total": 0}


def test_deleting_a_note_that_is_not_there_is_an_error_for_the_model(acme_member: Any) -> None:
    with pytest.raises(ToolError, match="no note 12345 of yours"):
        call(acme_member, "delete_note", note_id=12345)


def test_notes_of_another_member_can_not_be_seen_nor_deleted(
    acme_member: Any, somebody_else: Any
) -> None:
    note_id = call(somebody_else, "create_note", text="a secret")["note_id"]

    assert call(acme_member, "list_notes", contains="secret") == {"notes": [], "total": 0}
    with pytest.raises(ToolError, match=f"no note {note_id} of yours"):
        call(acme_member, "delete_note", note_id=note_id)
    assert Note.objects.filter(pk=note_id).exists()


def test_the_list_is_newest_first_limited_and_filtered(acme_member: Any) -> None:
    for number in range(5):
        call(acme_member, "create_note", text=f"Tea {number}")
    call(acme_member, "create_note", text="100% coffee")

    newest = call(acme_member, "list_notes", limit=2)
    assert [note["text"] for note in newest["notes"]] == ["100% coffee", "Tea 4"]
    assert newest["total"] == 6
    assert call(acme_member, "list_notes", contains="tEA")["total"] == 5
    assert call(acme_member, "list_notes", contains="0%")["total"] == 1
    assert call(acme_member, "list_notes", contains="%")["total"] == 1


def test_a_list_of_long_notes_stays_whole_and_within_the_output_limit(acme_member: Any) -> None:
    for _ in range(8):
        call(acme_member, "create_note", text="x" * 4_000)
    listed = call(acme_member, "list_notes")
    assert len(listed["notes"]) == 2
    assert listed["total"] == 8


def test_a_member_has_at_most_the_allowed_number_of_notes(
    acme_member: Any, somebody_else: Any, settings: Any
) -> None:
    settings.NOTES_MAX = 2
    call(acme_member, "create_note", text="one")
    call(acme_member, "create_note", text="two")
    with pytest.raises(ToolError, match="2 notes already"):
        call(acme_member, "create_note", text="three")
    assert call(acme_member, "list_notes")["total"] == 2
    call(somebody_else, "create_note", text="one of theirs")


def test_a_member_who_is_gone_gets_no_note(acme_member: Any) -> None:
    with pytest.raises(ToolError, match="no such member"):
        call(get_user_model()(pk=2**31), "create_note", text="for nobody")


@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001, "a\0b", "\ud800"])
def test_a_text_that_can_not_be_kept_is_the_models_to_mend(acme_member: Any, text: str) -> None:
    with pytest.raises(ArgumentError):
        call(acme_member, "create_note", text=text)
    assert not Note.objects.exists()


@pytest.mark.parametrize("note_id", [0, -1, 2**63, "abc", None])
def test_a_number_that_no_note_can_have_is_the_models_to_mend(
    acme_member: Any, note_id: Any
) -> None:
    with pytest.raises(ArgumentError, match="note_id"):
        call(acme_member, "delete_note", note_id=note_id)


def test_a_statement_that_takes_too_long_is_stopped_by_the_database(acme_member: Any) -> None:
    def slow(context: ToolContext, args: Arguments) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")
        return "never"

    with pytest.raises(ToolTimeout, match=r"limit of 0\.05 s"), transaction.atomic():
        invoke_sync(spec(slow, transactional=True, timeout=0.05), context(), Arguments())
    assert not Note.objects.exists()  # the connection is fit for use again


def test_the_limit_on_statements_ends_with_the_tool(acme_member: Any) -> None:
    def limit() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    def tell(context: ToolContext, args: Arguments) -> str:
        return limit()

    before = limit()
    told = invoke_sync(spec(tell, transactional=True, timeout=7), context(), Arguments())
    assert (told.text, limit()) == ("7s", before)
