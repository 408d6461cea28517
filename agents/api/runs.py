"""Runs: list, read, follow, cancel."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict

from agents.api.present import run_json, step_json
from agents.api.streams import answer_run, event_stream, json_response
from agents.runtime.events import Cursor
from agents.services.access import visible_runs
from agents.services.cancel_run import cancel_run
from agents.services.opened import open_run
from agents.services.rerun_workflow import Rerun, rerun
from agents.services.run_status import of_status
from agents.services.run_tree import tree_of
from config.load import load
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["runs"])


class RunFilter(Paging):
    status: (
        Literal["queued", "running", "paused", "completed", "failed", "cancelled", "needs_review"]
        | None
    ) = None
    session_id: UUID | None = None
    slug: str | None = None
    parent_run_id: UUID | None = None


@router.get("/runs", auth=requires(Scope.RUNS_READ))
async def list_runs(request: HttpRequest, query: Query[RunFilter]) -> dict[str, Any]:
    """The caller's runs, newest first; every member's with the scope runs:read_all.

    Those that members started; with `parent_run_id` the child runs of one of them.
    """
    return await hop(_list, principal(request), query)


def _list(who: Principal, query: RunFilter) -> dict[str, Any]:
    rows = visible_runs(who).filter(parent=query.parent_run_id)
    if query.status is not None:
        rows = of_status(rows, query.status)
    for name in ("session_id", "slug"):
        value = getattr(query, name)
        if value is not None:
            rows = rows.filter(**{name: value})
    return page(rows, query, ("id",), run_json)


@router.get("/runs/{uuid:run_id}", auth=requires(Scope.RUNS_READ))
async def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    return await hop(lambda who: run_json(open_run(who, run_id)), principal(request))


@router.get("/runs/{uuid:run_id}/steps", auth=requires(Scope.RUNS_READ))
async def list_steps(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """The run's journal, in order. At most as many as its limits allow: one page."""
    return await hop(_steps, principal(request), run_id)


def _steps(who: Principal, run_id: UUID) -> dict[str, Any]:
    steps = open_run(who, run_id).steps.order_by("seq")
    return {"items": [step_json(step) for step in steps], "next": None}


@router.get("/runs/{uuid:run_id}/tree", auth=requires(Scope.RUNS_READ))
async def get_tree(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """The run with the runs below it: each with the task it was given and its `children`."""
    return await hop(lambda who: tree_of(open_run(who, run_id)), principal(request))


@router.get("/runs/{uuid:run_id}/events", auth=requires(Scope.RUNS_READ))
async def follow_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The run's events from its beginning, or after `Last-Event-ID`, then live to its end."""
    load.check_following()
    await hop(open_run, principal(request), run_id)
    return event_stream(run_id, Cursor.parse(request.headers.get("Last-Event-ID")))


class RerunRequest(Schema):
    """From which node on."""

    model_config = ConfigDict(extra="forbid")
    node: str
    stream: bool = False
    background: bool = False


@router.post("/runs/{uuid:run_id}/rerun", auth=requires(Scope.AGENTS_RUN))
async def rerun_from(request: HttpRequest, run_id: UUID, body: RerunRequest) -> HttpResponse:
    """A new run of the same workflow from `node` on: what was finished before it is taken over."""
    if not body.background:
        load.check_following()
    key = request.headers.get("Idempotency-Key")
    started = await rerun(principal(request), Rerun(run_id, body.node, key))
    return await answer_run(started, stream=body.stream, background=body.background)


@router.post("/runs/{uuid:run_id}/cancel", auth=requires(Scope.AGENTS_RUN))
async def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Cancel the run: what it did stays done, nothing more is begun."""
    run = await cancel_run(principal(request), run_id)
    return json_response(run.as_json())
