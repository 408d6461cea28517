"""A member's sessions a page at a time, newest first: for sidebar and sessions page alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from agents.models import Session
from agents.services.access import own_sessions
from config.errors import NotFound
from tenants.accounts.principal import Principal

PAGE = 25
CHATS = ("agent", "team")
"""Kinds of components that the pages talk with."""
SEARCH_MAX = 200


@dataclass(frozen=True, slots=True)
class SessionPage:
    """`more`: where the next page begins, or "" when this is the last."""

    sessions: list[Session]
    more: str


def session_page(who: Principal, *, search: str = "", after: str = "") -> SessionPage:
    """One page of the member's own sessions, of those whose title contains `search`.

    No offset: a page costs the same wherever it lies. Raises NotFound for an `after` of nobody's.
    """
    rows = own_sessions(who).filter(kind__in=CHATS).order_by("-updated_at", "-id")
    search = clean_search(search)
    if search:
        rows = rows.filter(title__icontains=search)
    if after:
        at, last = _parse(after)
        # The bound by itself is for the index, which a disjunction would not let begin there.
        rows = rows.filter(Q(updated_at__lt=at) | Q(id__lt=last), updated_at__lte=at)
    found = list(rows[: PAGE + 1])
    more = _cursor(found[PAGE - 1]) if len(found) > PAGE else ""
    return SessionPage(found[:PAGE], more)


def clean_search(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:SEARCH_MAX]


def _cursor(session: Session) -> str:
    return f"{session.updated_at.isoformat()}~{session.pk}"


def _parse(cursor: str) -> tuple[datetime, UUID]:
    at, _, last = cursor.partition("~")
    try:
        moment, key = datetime.fromisoformat(at), UUID(last)
    except ValueError:
        raise NotFound("There is no such page of sessions.") from None
    if moment.tzinfo is None:
        raise NotFound("There is no such page of sessions.")
    return moment, key
