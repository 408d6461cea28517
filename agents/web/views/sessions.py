"""A member's conversations: find, rename, delete. Whole pages, or parts of one for htmx."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse

from agents.models import Session
from agents.services.access import access_session
from agents.services.sessions import TITLE_MAX, delete_session, rename_session
from agents.web.declare import is_htmx, page, who
from agents.web.partners import SESSION_PAGES
from agents.web.session_list import clean_search, session_page
from agents.web.shell import render_page
from config.errors import Conflict, Invalid
from tenants.accounts.scopes import Scope

# Where a row stands: it is drawn narrower in the sidebar.
PLACES = ("sidebar", "page")


@page(Scope.SESSIONS_READ)
def sessions(request: HttpRequest) -> HttpResponse:
    """All of them, or those found; for htmx the list alone."""
    search = clean_search(request.GET.get("q", ""))
    found = session_page(who(request), search=search, after=request.GET.get("after", ""))
    context = {"found": found, "search": search}
    if is_htmx(request):
        return render(
            request,
            "web/parts/session_results.html",
            {**context, **_rights(request), "place": "page"},
        )
    return render_page(request, "web/sessions.html", context)


@page(Scope.SESSIONS_READ)
def more(request: HttpRequest) -> HttpResponse:
    """The next page's rows, to go where the button for them stands."""
    search = clean_search(request.GET.get("q", ""))
    found = session_page(who(request), search=search, after=request.GET.get("after", ""))
    context = {"found": found, "search": search, "place": _place(request), **_rights(request)}
    context["open_session"] = _open_session(request)
    return render(request, "web/parts/session_rows.html", context)


@page(Scope.SESSIONS_READ)
def row(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """One session's row, as it is now."""
    return _row(request, access_session(who(request), session_id))


@page(Scope.SESSIONS_WRITE, methods=("GET", "POST"))
def rename(request: HttpRequest, session_id: UUID) -> HttpResponse:
    session = access_session(who(request), session_id)
    title, error = session.title, ""
    if request.method == "POST":
        title = request.POST.get("title", "")
        try:
            session = rename_session(who(request), session_id, title)
        except Invalid as problem:
            error = problem.detail
        else:
            return _row(request, session) if is_htmx(request) else redirect("web:sessions")
    context = {"title": title, "error": error, "title_max": TITLE_MAX}
    return _part(request, session, "web/parts/session_rename.html", context)


@page(Scope.SESSIONS_WRITE, methods=("GET", "POST"))
def delete(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Asks first; then the session is gone with all its runs."""
    session = access_session(who(request), session_id)
    error = ""
    if request.method == "POST":
        try:
            delete_session(who(request), session_id)
        except Conflict as problem:
            error = problem.detail
        else:
            return _deleted(request, session)
    return _part(request, session, "web/parts/session_delete.html", {"error": error})


def _deleted(request: HttpRequest, session: Session) -> HttpResponse:
    if not is_htmx(request):
        return redirect("web:sessions")
    response = HttpResponse()
    if _open_session(request) == session.pk:
        response["HX-Redirect"] = reverse("web:home")
    return response


def _row(request: HttpRequest, session: Session) -> HttpResponse:
    return _part(request, session, "web/parts/session_row.html", {})


def _part(
    request: HttpRequest, session: Session, template: str, context: dict[str, Any]
) -> HttpResponse:
    context = {
        "session": session,
        "place": _place(request),
        "open_session": _open_session(request),
        **_rights(request),
        **context,
    }
    if is_htmx(request):
        return render(request, template, context)
    return render_page(request, "web/session.html", {**context, "part": template, "place": "page"})


def _rights(request: HttpRequest) -> dict[str, Any]:
    return {"may_write_sessions": who(request).may(Scope.SESSIONS_WRITE)}


def _place(request: HttpRequest) -> str:
    place = request.GET.get("place", "")
    return place if place in PLACES else "page"


def _open_session(request: HttpRequest) -> UUID | None:
    """The session of the page that a part is asked for from."""
    try:
        match = resolve(urlsplit(request.headers.get("HX-Current-URL", "")).path or "/")
    except (Resolver404, ValueError):
        return None
    found = match.kwargs.get("session_id") if match.view_name in SESSION_PAGES else None
    return found if isinstance(found, UUID) else None
