"""Workflows as their users see them: published ones, their revisions, and starting a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from agents.api.present import revision_json, workflow_json
from agents.api.streams import answer_run
from agents.models import Revision
from agents.services.access import access_workflow, runnable_workflows
from agents.services.start_run import StartRun, start_run
from config.load import load
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["workflows"])


class WorkflowRunRequest(Schema):
    """What to run it on: an object as the workflow's input schema has it, or a text where it
    declares none. Without `session_id` a new session is begun.
    """

    model_config = ConfigDict(extra="forbid")
    input: str | dict[str, Any]
    session_id: UUID | None = None
    stream: bool = False
    background: bool = False
    revision: int | None = Field(default=None, ge=1)


@router.get("/workflows", auth=requires(Scope.AGENTS_READ))
async def list_workflows(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The published workflows that the caller may run."""
    return await hop(_list, principal(request), paging)


def _list(who: Principal, paging: Paging) -> dict[str, Any]:
    return page(runnable_workflows(who), paging, ("slug",), workflow_json)


@router.get("/workflows/{slug}", auth=requires(Scope.AGENTS_READ))
async def get_workflow(request: HttpRequest, slug: str) -> dict[str, Any]:
    """One of them, with the schema of its input."""
    return await hop(lambda who: workflow_json(access_workflow(who, slug)), principal(request))


@router.get("/workflows/{slug}/revisions", auth=requires(Scope.AGENTS_READ))
async def list_workflow_revisions(
    request: HttpRequest, slug: str, paging: Query[Paging]
) -> dict[str, Any]:
    """The workflow's published revisions, newest first."""
    return await hop(_revisions, principal(request), slug, paging)


def _revisions(who: Principal, slug: str, paging: Paging) -> dict[str, Any]:
    workflow = access_workflow(who, slug)
    rows = Revision.objects.filter(kind="workflow", slug=workflow.slug).select_related("author")
    return page(rows, paging, ("number",), revision_json)


@router.post("/workflows/{slug}/runs", auth=requires(Scope.AGENTS_RUN))
async def run_workflow(request: HttpRequest, slug: str, body: WorkflowRunRequest) -> HttpResponse:
    """Run the workflow: 200 with the finished or waiting run, or `stream` its events, or 202 in
    the `background`. An input that doesn't fit is refused, each wrong field named.
    """
    if not body.background:
        load.check_following()
    started = await start_run(
        principal(request),
        StartRun(
            kind="workflow",
            slug=slug,
            input=body.input,
            session_id=body.session_id,
            revision=body.revision,
            idempotency_key=request.headers.get("Idempotency-Key"),
        ),
    )
    return await answer_run(started, stream=body.stream, background=body.background)
