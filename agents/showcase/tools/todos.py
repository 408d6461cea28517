"""A member's to-do list, and a look through their notes for what is wrong with them."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Annotated, Any

from django.conf import settings
from django.db.models.functions import Now
from pydantic import Field

from agents.showcase.models import Todo
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

TOOLKIT = "assistant"
_MOST_LISTED = 100
_MOST_COMPARED = 200  # notes that are compared with one another
_ALIKE = 0.85
_LONGEST = 400  # characters of a note that are compared
_SHORT = 3  # words
_WORD = re.compile(r"[^\W_]+")


class NewTodo(Arguments):
    text: Annotated[
        str, Field(min_length=1, max_length=500, description="What is to be done, in a few words")
    ]


class TodoFilter(Arguments):
    with_done: Annotated[bool, Field(description="Those that are done as well")] = False


class TodoChoice(Arguments):
    todo_id: Annotated[int, Field(ge=1, le=2**63 - 1, description="The to-do's number")]


class NotesLook(Arguments):
    """No arguments."""


@tool(effect=Effect.WRITE, scope=Scope.NOTES_WRITE, transactional=True, toolkit=TOOLKIT)
def add_todo(context: ToolContext, args: NewTodo) -> dict[str, Any]:
    """Add a to-do to the user's list: something that is to be done. Returns its number."""
    made = Todo.of_call(context)
    if made is None:
        mine = Todo.objects.filter(member_id=context.member_id)
        if mine.count() >= settings.NOTES_MAX:
            raise ToolError(f"there are {settings.NOTES_MAX:,} to-dos already, which is the most")
        # Asked for again in other words' order it is still the same thing.
        same = mine.filter(done_at=None, text__iexact=args.text).first()
        made = same or Todo.write(context, text=args.text)
    return {"todo_id": made.pk, "text": made.text}


@tool(effect=Effect.READ, scope=Scope.NOTES_READ, transactional=True, toolkit=TOOLKIT)
def list_todos(context: ToolContext, args: TodoFilter) -> dict[str, Any]:
    """List the user's to-dos, newest first, with their numbers."""
    mine = Todo.objects.filter(member_id=context.member_id)
    if not args.with_done:
        mine = mine.filter(done_at=None)
    listed = [
        {"todo_id": one.pk, "text": one.text, **({"done": True} if one.done_at else {})}
        for one in mine[:_MOST_LISTED]
    ]
    return {"todos": listed, "total": mine.count()}


@tool(effect=Effect.IDEMPOTENT_WRITE, scope=Scope.NOTES_WRITE, transactional=True, toolkit=TOOLKIT)
def finish_todo(context: ToolContext, args: TodoChoice) -> dict[str, Any]:
    """Finish a to-do of the user's list by its number."""
    mine = Todo.objects.filter(member_id=context.member_id, pk=args.todo_id)
    if not mine.filter(done_at=None).update(done_at=Now()) and not mine.exists():
        raise ToolError(f"there is no to-do {args.todo_id} of yours; list_todos shows the numbers")
    return {"finished": args.todo_id}


@tool(effect=Effect.READ, scope=Scope.NOTES_READ, transactional=True, toolkit=TOOLKIT)
def check_notes(context: ToolContext, args: NotesLook) -> dict[str, Any]:
    """Check the user's notes: which say the same, which are too short to be understood later."""
    from agents.models import Note

    newest = list(
        Note.objects.filter(member_id=context.member_id)
        .order_by("-id")
        .values_list("pk", "text")[:_MOST_COMPARED]
    )
    words = {number: " ".join(_WORD.findall(text[:_LONGEST].lower())) for number, text in newest}
    found = []
    matcher = SequenceMatcher(autojunk=False)
    for place, (number, text) in enumerate(newest):
        if len(words[number].split()) < _SHORT:
            found.append(f"Note {number} is very short: “{text[:60]}”")
        matcher.set_seq2(words[number])  # which is worked through once, and kept
        for other, _ in newest[place + 1 :]:
            matcher.set_seq1(words[other])
            if _alike(matcher):
                found.append(f"Notes {other} and {number} say the same: “{text[:60]}”")
                break
    return {"checked": len(newest), "findings": found or ["Nothing is wrong with them."]}


def _alike(matcher: SequenceMatcher[str]) -> bool:
    # Upper bounds first: most pairs differ, and comparing them exactly would cost the most.
    return (
        matcher.real_quick_ratio() >= _ALIKE
        and matcher.quick_ratio() >= _ALIKE
        and matcher.ratio() >= _ALIKE
    )
