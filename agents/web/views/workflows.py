"""Workflows: those to run, one with its form and its runs, and a run with its live graph."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from agents.models import Run
from agents.services.access import access_workflow
from agents.services.cancel_from_thread import cancel_from_thread
from agents.services.opened import open_run
from agents.services.rerun_workflow import Rerun
from agents.services.start_from_thread import rerun_from_thread
from agents.web import workflow_lists as lists
from agents.web.declare import page, who
from agents.web.shell import render_page
from agents.web.workflow_node import NodeView, node_view
from agents.web.workflow_run import given, graph_part, head, live_part, states_json, states_of
from agents.web.workflow_start import StartForm
from agents.workflows.run_states import plain_drawing
from config.errors import Forbidden, NotFound, Problem
from tenants.accounts.scopes import Scope


@page(Scope.AGENTS_READ)
def workflows(request: HttpRequest) -> HttpResponse:
    """Those that the member may run, and their latest runs of any."""
    principal = who(request)
    context = {
        "workflows": lists.workflows(principal),
        "may_run": principal.may(Scope.AGENTS_RUN),
        "may_publish": principal.may(Scope.AGENTS_PUBLISH),
        "found": _runs(request, ""),
    }
    return render_page(request, "web/workflows.html", context)


@page(Scope.AGENTS_READ)
def workflow(request: HttpRequest, slug: str) -> HttpResponse:
    """One of them: its form, its graph, and the member's runs of it. `like` fills in the form."""
    found = lists.shown(access_workflow(who(request), slug))
    return _workflow(request, found, _form(request, found))


@page(Scope.AGENTS_RUN, methods=("GET", "POST"))
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Start what was posted: on to the run's page, or the form again with what is wrong."""
    if request.method != "POST":
        return redirect("web:workflow", slug=slug)
    found = lists.shown(access_workflow(who(request), slug))
    form = StartForm(slug, found.spec.get("input"))
    run = form.post(who(request), request.POST)
    if run:
        return redirect("web:workflow-run", slug=slug, run_id=run)
    return _workflow(request, found, form)


@page(Scope.RUNS_READ)
def run(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """A run, as it is now; `part=live`: what of it changes beside the graph, for the script."""
    found = _run(request, run_id)
    if found.slug != slug:
        return redirect("web:workflow-run", slug=found.slug, run_id=run_id)
    # The states before the rest: what came in between is told by the stream as well.
    states = states_of(found)
    context = {
        **live_part(who(request), found),
        **_rights(request, found),
        "parent_url": _parent_url(found),
    }
    if request.GET.get("part") == "live":
        context["states"] = states_json(states)
        return render(request, "web/parts/workflow_live.html", context)
    wanted = request.GET.get("node", "")
    context |= {
        **graph_part(found, states),
        "given": given(found),
        "node": node_view(found, wanted) if wanted else None,
    }
    return render_page(request, "web/workflow_run.html", context)


@page(Scope.RUNS_READ)
def node(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """What is to be known of the node `node`, to be put beside the graph."""
    found = _run(request, run_id)
    shown: NodeView = node_view(found, request.GET.get("node", ""))
    context = {"node": shown, "run": found, "head": head(found), **_rights(request, found)}
    return render(request, "web/parts/workflow_node.html", context)


@page(Scope.AGENTS_RUN, methods=("POST",))
def cancel(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """End the run; what it has done stays done."""
    _run(request, run_id)
    try:
        cancel_from_thread(who(request), run_id)
    except (Forbidden, NotFound):
        raise
    except Problem as problem:  # it had ended in the same moment
        messages.info(request, problem.detail)
    return redirect("web:workflow-run", slug=slug, run_id=run_id)


@page(Scope.AGENTS_RUN, methods=("POST",))
def again(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Run it again from a node, with what had finished before it."""
    wanted = Rerun(_run(request, run_id).pk, request.POST.get("node", ""))
    try:
        started = rerun_from_thread(who(request), wanted)
    except (Forbidden, NotFound):
        raise
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("web:workflow-run", slug=slug, run_id=run_id)
    return redirect("web:workflow-run", slug=slug, run_id=started.run.id)


def _workflow(request: HttpRequest, found: lists.Shown, form: StartForm) -> HttpResponse:
    context = {
        "workflow": found,
        "form": form,
        "drawing": plain_drawing(found.digest, found.revision_id),
        "may_run": who(request).may(Scope.AGENTS_RUN),
        "found": _runs(request, found.slug),
        "before": request.GET.get("before", ""),
    }
    return render_page(request, "web/workflow.html", context, status=form.status)


def _form(request: HttpRequest, found: lists.Shown) -> StartForm:
    """Empty, or filled with what a run of one's own was given."""
    like = request.GET.get("like", "")
    before: Any = None
    if like:
        try:
            earlier = _run(request, UUID(like))
        except ValueError:
            raise NotFound("There is no such run.") from None
        before = earlier.input if earlier.slug == found.slug else None
    return StartForm(found.slug, found.spec.get("input"), before)


def _runs(request: HttpRequest, slug: str) -> lists.RunPage | None:
    """The member's own; None for those who may not read runs."""
    if not who(request).may(Scope.RUNS_READ):
        return None
    return lists.own_runs(who(request), slug, request.GET.get("before", ""))


def _run(request: HttpRequest, run_id: UUID) -> Run:
    found = open_run(who(request), run_id)
    if found.kind != "workflow":
        raise NotFound("There is no such run of a workflow.", code="unknown_run")
    return found


def _parent_url(found: Run) -> str:
    """The page of the run above, where that is a workflow's too."""
    rows = Run.objects.filter(pk=found.parent_id, kind="workflow")
    slug = rows.values_list("slug", flat=True).first() if found.parent_id else None
    return reverse("web:workflow-run", args=[slug, found.parent_id]) if slug else ""


def _rights(request: HttpRequest, found: Run) -> dict[str, Any]:
    """Whether it may be run anew: one's own runs, of what may still be run."""
    principal = who(request)
    own = found.member_id == principal.member_id and found.root_id is None
    may = own and principal.may(Scope.AGENTS_RUN)
    if may:
        try:
            access_workflow(principal, found.slug)
        except NotFound:
            may = False
    return {"may_again": may, "own": own}
