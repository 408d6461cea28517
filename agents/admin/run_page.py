"""A run's page: facts, input and output, and the waterfall of its steps."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from agents.admin.pages import console_page
from agents.admin.run_graph import run_graph
from agents.admin.run_tree import run_tree
from agents.admin.scoped import may
from agents.admin.shown import (
    ago,
    as_text,
    between,
    duration,
    money,
    run_badge,
    status_badge,
)
from agents.admin.waterfall import answered_by, waterfall
from agents.models import Run, Step
from tenants.accounts.scopes import Scope

# Steps on one page; a run of more is a loop that its limits should have ended.
_STEPS = 500
# Characters of input and output shown at once.
_TEXT = 50_000


def run_page(
    admin: ModelAdmin, request: HttpRequest, run: Run, *, part: bool = False
) -> HttpResponse:
    """The whole page, or only the part that changes while the run is live."""
    context = _context(request, run)
    if part:
        response = TemplateResponse(request, "admin/console/run_live.html", context)
        response["Cache-Control"] = "no-store"
        return response
    return console_page(admin, request, "admin/console/run.html", context)


def step_page(admin: ModelAdmin, request: HttpRequest, run: Run, step: Step) -> HttpResponse:
    context = {
        "title": f"Step {step.seq}: {step.name}",
        "original": run,
        "step": step,
        "badge": status_badge(step.status, step.get_status_display()),
        "takes": duration(between(step.started_at, step.finished_at)),
        "cost": money(step.cost, run.model.get("currency") or "") if step.cost is not None else "",
        "answered": answered_by(step),
        "values": [
            (label, as_text(value))
            for label, value in (
                ("Input", step.input),
                ("Output", step.output),
                ("Error", step.error),
            )
            if value is not None
        ],
    }
    return console_page(admin, request, "admin/console/step.html", context)


def _context(request: HttpRequest, run: Run) -> dict[str, Any]:
    steps = list(run.steps.order_by("seq")[:_STEPS])
    model = run.model if isinstance(run.model, dict) else {}
    given, made = as_text(run.input), as_text(run.output)
    return {
        "title": f"Run {run.pk}",
        "original": run,
        "run": run,
        "badge": run_badge(run),
        "live": run.is_live,
        "waterfall": waterfall(run, steps),
        "tree": run_tree(run, approvals=may(request, Scope.APPROVALS_READ)),
        "graph": run_graph(run),
        "steps_cut": len(steps) == _STEPS,
        "took": duration(between(run.started_at, run.finished_at)),
        "waited": duration(between(run.created_at, run.started_at or run.finished_at)),
        "started_ago": ago(run.started_at or run.created_at),
        "zone": timezone.get_current_timezone_name(),
        "model_name": model.get(
            "name", "each agent's own" if run.kind == "workflow" else "unknown"
        ),
        "offline": bool(model.get("offline")),
        "provider": model.get("provider", ""),
        "cost": money(run.cost, model.get("currency") or ""),
        "given": given[:_TEXT],
        "given_cut": max(len(given) - _TEXT, 0),
        "made": made[:_TEXT],
        "made_cut": max(len(made) - _TEXT, 0),
        "error": run.error if isinstance(run.error, dict) else None,
        "may_cancel": may(request, Scope.RUNS_CANCEL_ALL) and run.is_live and run.parent_id is None,
        "may_see_session": may(request, Scope.SESSIONS_READ_ALL),
        "may_see_members": may(request, Scope.MEMBERS_READ),
    }
