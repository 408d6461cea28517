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
from agents.services.differences import differences
from agents.services.roll_back import roll_back
from agents.services.start_run import StartRun, start_run
from agents.specs import AgentSpec
from config.errors import NotFound
from config.load import load
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.models import Member
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


class AgainstRevision(Schema):
    """Which revision to compare with; by default the one before."""

    model_config = ConfigDict(extra="forbid")
    against: int | None = Field(default=None, ge=1)


@router.get("/agents/{slug}/revisions/{int:number}", auth=requires(Scope.AGENTS_READ))
async def get_revision(
    request: HttpRequest, slug: str, number: int, query: Query[AgainstRevision]
) -> dict[str, Any]:
    """One revision, and field by field what differs from the revision `against` (or before) it."""
    return await hop(_revision, principal(request), slug, number, query.against)


def _revision(who: Principal, slug: str, number: int, against: int | None) -> dict[str, Any]:
    agent = access_agent(who, slug)
    rows = Revision.objects.filter(kind="agent", slug=agent.slug).select_related("author")
    revision = rows.filter(number=number).first()
    if revision is None:
        raise NotFound(f"{agent.name} has no revision {number}.", code="unknown_revision")
    if against is None:
        other = rows.filter(number__lt=number).first()
    else:
        other = rows.filter(number=against).first()
        if other is None:
            raise NotFound(f"{agent.name} has no revision {against}.", code="unknown_revision")
    before = AgentSpec.model_validate(other.spec) if other else None
    changes = differences(before, AgentSpec.model_validate(revision.spec))
    return {
        **revision_json(revision),
        "against": other.number if other else None,
        "changes": [change.as_json() for change in changes],
    }


class RollBack(Schema):
    """Which revision to publish again. `draft`: also make the draft what it says."""

    model_config = ConfigDict(extra="forbid")
    revision: int = Field(ge=1)
    note: str = Field(default="", max_length=400)
    draft: bool = False


@router.post("/agents/{slug}/rollback", auth=requires(Scope.AGENTS_PUBLISH))
async def roll_back_agent(request: HttpRequest, slug: str, body: RollBack) -> dict[str, Any]:
    """Go back to an earlier revision: its spec gets the next number, and new runs use it."""
    return await hop(_roll_back, principal(request), slug, body)


def _roll_back(who: Principal, slug: str, body: RollBack) -> dict[str, Any]:
    member = Member.objects.get(pk=who.member_id)
    made = roll_back(member, slug, body.revision, body.note, draft_too=body.draft)
    return revision_json(made)


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
