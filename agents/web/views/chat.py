"""The conversation with an agent. The page draws what is recorded; the script streams the rest."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from agents.models import Session
from agents.services.access import access_agent, access_session
from agents.tools import registry
from agents.web.declare import page, who
from agents.web.shell import render_page
from agents.web.transcript import Transcript, tool_label, transcript
from agents.web.views.home import agent_card
from config.errors import NotFound
from tenants.accounts.scopes import Scope


@page(Scope.AGENTS_RUN)
def new_chat(request: HttpRequest, slug: str) -> HttpResponse:
    """An empty conversation: the session is made by its first run."""
    card = agent_card(access_agent(who(request), slug))
    return _chat(request, card, None, Transcript([], None))


@page(Scope.SESSIONS_READ)
def session(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """A conversation of one's own, also when its agent can't be run any more."""
    found = _session(request, slug, session_id)
    try:
        card = agent_card(access_agent(who(request), slug))
    except NotFound:
        card = {"slug": slug, "name": tool_label(slug.replace("-", "_")), "gone": True}
    return _chat(request, card, found, transcript(found))


@page(Scope.SESSIONS_READ)
def earlier(request: HttpRequest, slug: str, session_id: UUID) -> HttpResponse:
    """The runs before `before`, to go above what is shown."""
    found = _session(request, slug, session_id)
    try:
        before = UUID(request.GET.get("before", ""))
    except ValueError:
        raise Http404("before is no run") from None
    context = {"session": found, "transcript": transcript(found, before)}
    return render(request, "web/parts/runs.html", context)


def _session(request: HttpRequest, slug: str, session_id: UUID) -> Session:
    found = access_session(who(request), session_id)
    if found.slug != slug:
        raise NotFound("There is no such session with this agent.")
    return found


def _chat(
    request: HttpRequest, card: dict[str, Any], found: Session | None, shown: Transcript
) -> HttpResponse:
    may_run = who(request).may(Scope.AGENTS_RUN) and not card.get("gone")
    known = {spec.name: spec for spec in registry.all()} if not shown.runs else {}
    return render_page(
        request,
        "web/chat.html",
        {
            "agent": card,
            "session": found,
            "transcript": shown,
            "may_run": may_run,
            "may_run_agents": who(request).may(Scope.AGENTS_RUN),
            "input_max": settings.INPUT_MAX_CHARS,
            "offers": [
                {"label": tool_label(name), "description": _first_sentence(known[name].description)}
                for name in card.get("tool_names", ())
                if name in known
            ],
        },
        open_session=found.pk if found else None,
    )


def _first_sentence(description: str) -> str:
    """What a tool does; the rest of its description is for the model."""
    return re.split(r"(?<=[.!?;])\s", description, maxsplit=1)[0].rstrip(";")
