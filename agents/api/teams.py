"""Teams as their users see them: published ones, their revisions, and starting a run."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from agents.api.agents import RunRequest
from agents.api.present import revision_json, team_json
from agents.api.streams import answer_run
from agents.models import Revision
from agents.services.access import access_team, runnable_teams
from agents.services.start_run import StartRun, start_run
from config.load import load
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["teams"])


@router.get("/teams", auth=requires(Scope.AGENTS_READ))
async def list_teams(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The published teams that the caller may run."""
    return await hop(_list, principal(request), paging)


def _list(who: Principal, paging: Paging) -> dict[str, Any]:
    return page(runnable_teams(who), paging, ("slug",), team_json)


@router.get("/teams/{slug}", auth=requires(Scope.AGENTS_READ))
async def get_team(request: HttpRequest, slug: str) -> dict[str, Any]:
    return await hop(lambda who: team_json(access_team(who, slug)), principal(request))


@router.get("/teams/{slug}/revisions", auth=requires(Scope.AGENTS_READ))
async def list_team_revisions(
    request: HttpRequest, slug: str, paging: Query[Paging]
) -> dict[str, Any]:
    """The team's published revisions, newest first."""
    return await hop(_revisions, principal(request), slug, paging)


def _revisions(who: Principal, slug: str, paging: Paging) -> dict[str, Any]:
    team = access_team(who, slug)
    rows = Revision.objects.filter(kind="team", slug=team.slug).select_related("author")
    return page(rows, paging, ("number",), revision_json)


@router.post("/teams/{slug}/runs", auth=requires(Scope.AGENTS_RUN))
async def run_team(request: HttpRequest, slug: str, body: RunRequest) -> HttpResponse:
    """Run the team: 200 with the finished run, or `stream` its events, or 202 in the `background`.

    The stream has the events of its members' runs as well, each with its run and its depth.
    """
    if not body.background:
        load.check_following()
    started = await start_run(
        principal(request),
        StartRun(
            kind="team",
            slug=slug,
            input=body.input,
            session_id=body.session_id,
            revision=body.revision,
            idempotency_key=request.headers.get("Idempotency-Key"),
        ),
    )
    return await answer_run(started, stream=body.stream, background=body.background)
