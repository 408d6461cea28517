"""The page of a team's run: its tree, drawn anew while it goes on."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from agents.services.opened import open_run
from agents.web.declare import page, who
from agents.web.partners import chat_url
from agents.web.shell import render_page
from agents.web.team_run import tree_part
from config.errors import NotFound
from tenants.accounts.scopes import Scope


@page(Scope.RUNS_READ)
def run(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Who works on what for whom; `part=live`: what of the page changes, for the script."""
    found = open_run(who(request), run_id)
    if found.kind != "team":
        raise NotFound("There is no such run of a team.", code="unknown_run")
    if found.slug != slug:
        return redirect("web:team-run", slug=found.slug, run_id=run_id)
    context = tree_part(who(request), found)
    if request.GET.get("part") == "live":
        return render(request, "web/parts/team_tree.html", context)
    own = found.member_id == who(request).member_id
    context["chat_url"] = chat_url("team", found.slug, found.session_id) if own else ""
    return render_page(request, "web/team_run.html", context)
