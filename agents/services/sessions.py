"""Rename and delete a conversation of one's own."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from agents.models import Run, Session
from agents.services.access import access_session
from config.errors import Conflict, Forbidden, Invalid
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope

TITLE_MAX = 200


def _own(principal: Principal, session_id: UUID) -> Session:
    session = access_session(principal, session_id)
    if not principal.may(Scope.SESSIONS_WRITE):
        raise Forbidden("Changing sessions needs the scope sessions:write.")
    return session


def rename_session(principal: Principal, session_id: UUID, title: str) -> Session:
    """Give a session of one's own another title, 1 to 200 characters once trimmed."""
    session = _own(principal, session_id)
    title = " ".join(title.replace("\x00", "").split())
    if not 0 < len(title) <= TITLE_MAX:
        raise Invalid(f"A title has 1 to {TITLE_MAX} characters.", code="title")
    session.title = title
    session.save(update_fields=["title"])
    return session


def delete_session(principal: Principal, session_id: UUID) -> None:
    """Delete a session of one's own with its runs and messages; Conflict while one is live."""
    with transaction.atomic():
        session = _own(principal, session_id)
        Session.objects.select_for_update().get(pk=session.pk)
        if session.runs.filter(status__in=Run.LIVE).exists():
            raise Conflict(
                "The session has a run that isn't finished: cancel it first.", code="session_busy"
            )
        session.delete()
