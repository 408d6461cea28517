"""The house's rules for texts, as far as they can be counted."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

FEWEST, MOST = 60, 900  # words
_SOURCES = re.compile(r"^\W*sources?\b", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^(?:#+ .+|\*\*[^*]+\*\*\s*)$", re.MULTILINE)
_EMPTY_PRAISE = re.compile(
    r"\b(?:revolutionary|game.changer|game.changing|cutting.edge|world.class|groundbreaking)\b",
    re.IGNORECASE,
)


class Draft(Arguments):
    draft: Annotated[
        str, Field(min_length=1, max_length=20_000, description="The whole text of the draft")
    ]


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit="editorial")
async def check_draft(context: ToolContext, args: Draft) -> dict[str, Any]:
    """Check a draft by the house's rules: length, title, named sources, no empty praise."""
    words = len(args.draft.split())
    notes = []
    if words < FEWEST:
        notes.append(f"It is too short: {words} words, and {FEWEST} are the least.")
    if words > MOST:
        notes.append(f"It is too long: {words} words, and {MOST} are the most.")
    if not _HEADING.match(args.draft.lstrip()):
        notes.append("Begin with a title on a line of its own, as a heading.")
    if not _SOURCES.search(args.draft):
        notes.append("Name the sources in a list under the heading Sources.")
    if praise := sorted({found.lower() for found in _EMPTY_PRAISE.findall(args.draft)}):
        notes.append(f"Leave out empty praise: {', '.join(praise)}.")
    return {"approved": not notes, "notes": notes, "words": words}
