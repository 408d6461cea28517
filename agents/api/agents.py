"""Agents as their users see them: published ones, their revisions, and starting a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from agents.api.present import agent_json, revision_json
from agents.api.streams import answer_run
from agents.models import Revision
from agents.services.access import access_agent, runnable_agents
from agents.services.start_run import StartRun, start_run
from config.load import load
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["agents"])


class RunRequest(Schema):
    """What to run it on. Without `session_id` a new session is begun."""

    model_config = ConfigDict(extra="forbid")
    input: str
    session_id: UUID | None = None
    stream: bool = False
    background: bool = False
    revision: int | None = Field(default=None, ge=1)


@router.get("/agents", auth=requires(Scope.AGENTS_READ))
async def list_agents(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The published agents that the caller may run."""
    return await hop(_list, principal(request), paging)


def _list(who: Principal, paging: Paging) -> dict[str, Any]:
    return page(runnable_agents(who), paging, ("slug",), agent_json)


@router.get("/agents/{slug}", auth=requires(Scope.AGENTS_READ))
async def get_agent(request: HttpRequest, slug: str) -> dict[str, Any]:
    return await hop(lambda who: agent_json(access_agent(who, slug)), principal(request))


@router.get("/agents/{slug}/revisions", auth=requires(Scope.AGENTS_READ))
async def list_revisions(request: HttpRequest, slug: str, paging: Query[Paging]) -> dict[str, Any]:
    """The agent's published revisions, newest first."""
    return await hop(_revisions, principal(request), slug, paging)


def _revisions(who: Principal, slug: str, paging: Paging) -> dict[str, Any]:
    agent = access_agent(who, slug)
    rows = Revision.objects.filter(kind="agent", slug=agent.slug).select_related("author")
    return page(rows, paging, ("number",), revision_json)


@router.post("/agents/{slug}/runs", auth=requires(Scope.AGENTS_RUN))
async def run_agent(request: HttpRequest, slug: str, body: RunRequest) -> HttpResponse:
    """Run the agent: 200 with the finished run, or `stream` its events, or 202 in the `background`.

    A client that leaves does not stop the run. `Idempotency-Key`: the same key is the same run.
    """
    if not body.background:
        load.check_following()
    started = await start_run(
        principal(request),
        StartRun(
            slug=slug,
            input=body.input,
            session_id=body.session_id,
            revision=body.revision,
            idempotency_key=request.headers.get("Idempotency-Key"),
        ),
    )
    return await answer_run(started, stream=body.stream, background=body.background)
