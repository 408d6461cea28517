"""Rendering a whole page: the template's own context and what the shell around it shows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agents.web.declare import who
from agents.web.session_list import SessionPage, session_page
from tenants.accounts.scopes import Scope


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    open_session: UUID | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page for a signed-in member, with their latest sessions beside it."""
    reads = who(request).may(Scope.SESSIONS_READ)
    shell = {
        "recent": session_page(who(request)) if reads else SessionPage([], ""),
        "may_read_sessions": reads,
        "may_write_sessions": who(request).may(Scope.SESSIONS_WRITE),
        "may_read_approvals": who(request).may(Scope.APPROVALS_READ),
        "may_use_console": who(request).may(Scope.CONSOLE_USE),
        "open_session": open_session,
    }
    return render(request, template, {**shell, **(context or {})}, status=status)
