"""The tenant's agents: where a member begins."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from agents.models import Agent
from agents.services.access import runnable_agents
from agents.web.declare import page, who
from agents.web.shell import render_page
from agents.web.transcript import tool_label
from tenants.accounts.scopes import Scope


@page(Scope.AGENTS_READ)
def home(request: HttpRequest) -> HttpResponse:
    principal = who(request)
    return render_page(
        request,
        "web/home.html",
        {
            "agents": [agent_card(agent) for agent in runnable_agents(principal)],
            "may_run": principal.may(Scope.AGENTS_RUN),
            "may_publish": principal.may(Scope.AGENTS_PUBLISH),
        },
    )


def agent_card(agent: Agent) -> dict[str, Any]:
    """A published agent as members see it: its revision, not its draft."""
    assert agent.published is not None
    spec = agent.published.spec
    return {
        "slug": agent.slug,
        "name": spec["name"],
        "description": spec["description"],
        "tools": [tool_label(name) for name in spec["tools"]],
        "tool_names": spec["tools"],
    }
