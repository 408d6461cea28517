"""The page that publishes a workflow: what is wrong, or what would change, a note, one button."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError as SpecError

from agents.admin.pages import attempt, change_url, console_page, log_change, to
from agents.services.publish_workflow import publish_workflow, workflow_spec
from agents.services.workflow_differences import workflow_differences
from agents.workflows.models import Workflow
from agents.workflows.preview import preview
from agents.workflows.spec import WorkflowSpec
from agents.workflows.writing import graph_yaml


class WorkflowPublishing:
    """For the workflows' admin class; rights are asked by the action that calls it."""

    def publish_page(self, request: HttpRequest, workflow: Workflow) -> HttpResponse:
        if request.method == "POST" and attempt(request, lambda: self._publish(request, workflow)):
            return to(change_url(workflow))
        seen = preview(graph_yaml(workflow.graph), workflow.slug, buttons=False)
        problems: list[Any] = list(seen.flaws)
        changes = []
        if not problems:
            try:
                after = workflow_spec(workflow)
                before = workflow.published
                changes = workflow_differences(
                    WorkflowSpec.model_validate(before.spec) if before else None, after
                )
            except SpecError as error:
                problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        context: dict[str, Any] = {
            "title": f"Publish {workflow.name}",
            "original": workflow,
            "workflow": workflow,
            "changes": changes,
            "problems": problems,
            "drawing": seen.drawing,
            "next_number": workflow.published.number + 1 if workflow.published else 1,
            "note": request.POST.get("note", ""),
        }
        return console_page(self, request, "admin/console/workflow_publish.html", context)  # type: ignore[arg-type]

    def _publish(self, request: HttpRequest, workflow: Workflow) -> str:
        note = " ".join(request.POST.get("note", "").split())
        revision, new = publish_workflow(request.user, workflow.pk, note)  # type: ignore[arg-type]
        name = workflow.name
        if not new:
            return f"{name} is published as r{revision.number} already: nothing has changed."
        log_change(request, workflow, f"Published r{revision.number}. {note}".strip())
        return f"{name} r{revision.number} is published."
