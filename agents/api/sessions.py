"""One's own conversations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from agents.api.present import message_json, session_json
from agents.services.access import access_session, own_sessions
from agents.services.sessions import delete_session, rename_session
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["sessions"])


class SessionFilter(Paging):
    slug: str | None = None


class Rename(Schema):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(min_length=1, max_length=1000)


@router.get("/sessions", auth=requires(Scope.SESSIONS_READ))
async def list_sessions(request: HttpRequest, query: Query[SessionFilter]) -> dict[str, Any]:
    """The caller's own sessions, the one used last first."""
    return await hop(_list, principal(request), query)


def _list(who: Principal, query: SessionFilter) -> dict[str, Any]:
    rows = own_sessions(who)
    if query.slug is not None:
        rows = rows.filter(slug=query.slug)
    return page(rows, query, ("updated_at", "id"), session_json)


@router.get("/sessions/{uuid:session_id}", auth=requires(Scope.SESSIONS_READ))
async def get_session(request: HttpRequest, session_id: UUID) -> dict[str, Any]:
    return await hop(lambda who: session_json(access_session(who, session_id)), principal(request))


@router.patch("/sessions/{uuid:session_id}", auth=requires(Scope.SESSIONS_WRITE))
async def rename(request: HttpRequest, session_id: UUID, body: Rename) -> dict[str, Any]:
    session = await hop(rename_session, principal(request), session_id, body.title)
    return session_json(session)


@router.delete(
    "/sessions/{uuid:session_id}", auth=requires(Scope.SESSIONS_WRITE), response={204: None}
)
async def delete(request: HttpRequest, session_id: UUID) -> tuple[int, None]:
    """Delete the session with its runs and messages, for good."""
    await hop(delete_session, principal(request), session_id)
    return 204, None


@router.get("/sessions/{uuid:session_id}/messages", auth=requires(Scope.SESSIONS_READ))
async def list_messages(
    request: HttpRequest, session_id: UUID, paging: Query[Paging]
) -> dict[str, Any]:
    """What was said, newest first."""
    return await hop(_messages, principal(request), session_id, paging)


def _messages(who: Principal, session_id: UUID, paging: Paging) -> dict[str, Any]:
    rows = access_session(who, session_id).messages.all()
    return page(rows, paging, ("run_id", "position"), message_json)
