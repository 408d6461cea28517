"""The tenant's agents and teams: where a member begins."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from agents.services.access import runnable_agents, runnable_teams
from agents.web.declare import page, who
from agents.web.partners import partner
from agents.web.shell import render_page
from tenants.accounts.scopes import Scope


@page(Scope.AGENTS_READ)
def home(request: HttpRequest) -> HttpResponse:
    principal = who(request)
    teams = [partner(team) for team in runnable_teams(principal)]
    agents = [partner(agent) for agent in runnable_agents(principal)]
    within = {(one["kind"], one["slug"]) for team in teams for one in team.members}
    return render_page(
        request,
        "web/home.html",
        {
            "agents": [one for one in agents if (one.kind, one.slug) not in within],
            "teams": teams,
            "members": [one for one in agents if (one.kind, one.slug) in within],
            "may_run": principal.may(Scope.AGENTS_RUN),
            "may_publish": principal.may(Scope.AGENTS_PUBLISH),
        },
    )
