"""A member's notes: a real side effect, committed together with the step that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from django.conf import settings
from pydantic import Field

from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from agents.models import Note

LONGEST = 4_000  # characters of one note
MOST_LISTED = 100
LISTED_CHARS = 10_000  # of all notes in one answer, so that it stays whole within the output limit
LARGEST_ID = 2**63 - 1


class NewNote(Arguments):
    text: Annotated[
        str, Field(min_length=1, max_length=LONGEST, description="The note, as the user put it")
    ]


class NoteFilter(Arguments):
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED, description="At most so many notes")] = 20
    contains: Annotated[
        str | None,
        Field(max_length=200, description="Only notes that contain this text, in any case"),
    ] = None


class NoteChoice(Arguments):
    note_id: Annotated[int, Field(ge=1, le=LARGEST_ID, description="The note's number")]


@tool(effect=Effect.WRITE, scope=Scope.NOTES_WRITE, transactional=True)
def create_note(context: ToolContext, args: NewNote) -> dict[str, Any]:
    """Save a note for the user, to remember something. Returns the new note's number."""
    from agents.models import Note

    _hold_member(context)
    most = settings.NOTES_MAX
    if _own_notes(context).count() >= most:
        raise ToolError(f"there are {most:,} notes already, which is the most; delete some first")
    note = Note.objects.create(member_id=context.member_id, text=args.text)
    return {"note_id": note.pk, "created_at": note.created_at.isoformat()}


@tool(effect=Effect.READ, scope=Scope.NOTES_READ, transactional=True)
def list_notes(context: ToolContext, args: NoteFilter) -> dict[str, Any]:
    """List the user's notes, newest first, with their numbers; optionally only some by a text."""
    found = _own_notes(context)
    if args.contains:
        found = found.filter(text__icontains=args.contains)
    listed: list[dict[str, Any]] = []
    room = LISTED_CHARS
    for note in found[: args.limit]:
        room -= len(note.text)
        if listed and room < 0:
            break
        listed.append(
            {"note_id": note.pk, "text": note.text, "created_at": note.created_at.isoformat()}
        )
    return {"notes": listed, "total": found.count()}


@tool(effect=Effect.IDEMPOTENT_WRITE, scope=Scope.NOTES_WRITE, transactional=True)
def delete_note(context: ToolContext, args: NoteChoice) -> dict[str, Any]:
    """Delete one of the user's notes by its number."""
    deleted, _ = _own_notes(context).filter(pk=args.note_id).delete()
    if not deleted:
        raise ToolError(f"there is no note {args.note_id} of yours; list_notes shows the numbers")
    return {"deleted": args.note_id}


def _own_notes(context: ToolContext) -> QuerySet[Note]:
    from agents.models import Note

    return Note.objects.filter(member_id=context.member_id)


def _hold_member(context: ToolContext) -> None:
    """Lock the member until the transaction ends: two runs at once can't both be the last note.

    NO KEY, so that rows which only point to the member (runs, sessions) don't wait for it.
    """
    from django.contrib.auth import get_user_model

    members = get_user_model()._default_manager.select_for_update(no_key=True)
    if members.filter(pk=context.member_id).values_list("pk", flat=True).first() is None:
        raise ToolError("there is no such member any more")
