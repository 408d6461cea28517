"""The cluster's work on runs: titles, and leases whose owner is gone."""

from __future__ import annotations

import re

from django.db import connection

from agents.runtime import ticket_sql
from tenants.context import use_shared

_TITLE_WORDS = 9
_TITLE_CHARS = 60


def title_session(session_id: str) -> str | None:
    """Give a session a title from its first message, unless it has one. Idempotent."""
    from agents.models import Message, Session

    session = Session.objects.filter(pk=session_id, title="").first()
    if session is None:
        return None
    first = Message.objects.filter(session=session, role="user").order_by("run_id").first()
    if first is None:
        return None
    title = make_title(first.content)
    # Only where it is still empty: a rename in between wins.
    Session.objects.filter(pk=session_id, title="").update(title=title)
    return title


def make_title(text: str) -> str:
    """A short title: the first sentence without markup, cut at a word, at most 60 characters."""
    plain = re.sub(r"^\s*[#>]+\s*|`+|\*\*|__|[\x00-\x1f]+", " ", text)
    plain = re.split(r"(?<=[.!?])\s", " ".join(plain.split()), maxsplit=1)[0]
    words = plain.split()
    title = " ".join(words[:_TITLE_WORDS])
    if len(words) > _TITLE_WORDS or len(title) > _TITLE_CHARS:
        title = title[: _TITLE_CHARS - 1].rstrip(" ,;:") + "…"
    return title[:1].upper() + title[1:] if title else "Conversation"


def sweep_leases() -> int:
    """Free the tickets whose lease ran out, so that any executor takes them at its next look.

    Tickets of a tenant that was deleted are forgotten: their runs are gone. Returns how many freed.
    """
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(ticket_sql.FORGET_TENANTLESS)
        cursor.execute(ticket_sql.FREE_EXPIRED)
        return int(cursor.rowcount)
