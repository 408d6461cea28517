"""The conversation with an agent or a team. The page draws what is recorded; the script streams."""

from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from agents.models import Session
from agents.services.access import access_session
from agents.tools import registry
from agents.web.declare import page, who
from agents.web.partners import Partner, access_partner, chat_url, earlier_url, partner_of
from agents.web.session_list import CHATS
from agents.web.shell import render_page
from agents.web.transcript import Transcript, tool_label, transcript
from config.errors import NotFound
from tenants.accounts.scopes import Scope


@page(Scope.AGENTS_RUN)
def new_chat(request: HttpRequest, slug: str) -> HttpResponse:
    """An empty conversation: the session is made by its first run."""
    return _chat(request, access_partner(who(request), "agent", slug), None, Transcript([], None))


@page(Scope.AGENTS_RUN)
def new_team_chat(request: HttpRequest, slug: str) -> HttpResponse:
    """As `new_chat`, with a team."""
    return _chat(request, access_partner(who(request), "team", slug), None, Transcript([], None))


@page(Scope.SESSIONS_READ)
def session(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """A conversation of one's own, also when its agent can't be run any more."""
    return _session_page(request, "agent", slug, session_id)


@page(Scope.SESSIONS_READ)
def team_session(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """As `session`, with a team."""
    return _session_page(request, "team", slug, session_id)


def _session_page(request: HttpRequest, kind: str, slug: str, session_id: UUID) -> HttpResponse:
    found = access_session(who(request), session_id)
    if found.kind not in CHATS:
        raise NotFound("There is no such conversation.")
    if (found.kind, found.slug) != (kind, slug):  # handed over, as it may be, to somebody else
        return redirect(chat_url(found.kind, found.slug, found.pk))
    return _chat(request, partner_of(who(request), found), found, transcript(found))


@page(Scope.SESSIONS_READ)
def earlier(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """The runs before `before`, to go above what is shown."""
    return _earlier(request, session_id)


@page(Scope.SESSIONS_READ)
def team_earlier(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """As `earlier`, with a team."""
    return _earlier(request, session_id)


def _earlier(request: HttpRequest, session_id: UUID) -> HttpResponse:
    found = access_session(who(request), session_id)
    try:
        before = UUID(request.GET.get("before", ""))
    except ValueError:
        raise Http404("before is no run") from None
    context = {"transcript": transcript(found, before), "earlier_url": earlier_url(found)}
    return render(request, "web/parts/runs.html", context)


def _chat(
    request: HttpRequest, partner: Partner, found: Session | None, shown: Transcript
) -> HttpResponse:
    return render_page(
        request,
        "web/chat.html",
        {
            "agent": partner,
            "session": found,
            "transcript": shown,
            "earlier_url": earlier_url(found) if found is not None else "",
            "may_run": who(request).may(Scope.AGENTS_RUN) and not partner.gone,
            "may_run_agents": who(request).may(Scope.AGENTS_RUN),
            "input_max": settings.INPUT_MAX_CHARS,
            "offers": _offers(partner) if not shown.runs else [],
        },
        open_session=found.pk if found else None,
    )


def _offers(partner: Partner) -> list[dict[str, str]]:
    """What there is to know before the first message: the tools, or who is in the team."""
    if partner.kind == "team":
        return [
            {"label": member["name"], "description": member["description"]}
            for member in partner.members
        ]
    known = {spec.name: spec for spec in registry.all()}
    return [
        {"label": tool_label(name), "description": _first_sentence(known[name].description)}
        for name in partner.tool_names
        if name in known
    ]


def _first_sentence(description: str) -> str:
    """What a tool does; the rest of its description is for the model."""
    return re.split(r"(?<=[.!?;])\s", description, maxsplit=1)[0].rstrip(";")
