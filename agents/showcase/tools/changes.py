"""Changing the repository: nothing is written before somebody has approved the change."""

from __future__ import annotations

from typing import Annotated, Any

from django.db import connection
from pydantic import Field

from agents.showcase.models import FileChange
from agents.showcase.tools.repository import TOOLKIT, content_of
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

_LONGEST = 10_000
_LOCK = 0x5C0DE  # of the snapshot's files, so that two changes of one don't lose each other


class Replacement(Arguments):
    path: Annotated[
        str, Field(min_length=1, max_length=200, description="Path of the file, such as README.md")
    ]
    old: Annotated[
        str,
        Field(
            min_length=1,
            max_length=_LONGEST,
            description="Text that is in the file exactly once",
        ),
    ]
    new: Annotated[str, Field(max_length=_LONGEST, description="What is to stand there instead")]
    reason: Annotated[str, Field(min_length=1, max_length=500, description="Why it is changed")]


@tool(
    effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT, tier="admin"
)
def change_file(context: ToolContext, args: Replacement) -> dict[str, Any]:
    """Change a file of the repository: replace a piece of its text. Somebody approves it first."""
    done = FileChange.of_call(context)
    if done is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])
        before = content_of(args.path)
        times = before.count(args.old)
        if times != 1:
            raise ToolError(
                f"the old text stands in {args.path} {times or 'no'} times, and has to stand there "
                "once: read the file and give more of its lines"
            )
        done = FileChange.write(
            context,
            path=args.path,
            before=before,
            content=before.replace(args.old, args.new),
            reason=args.reason,
        )
    return {"change": done.pk, "path": done.path, "reason": done.reason}
