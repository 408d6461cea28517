"""The page that takes a workflow's file in: its mistakes by line, a look before a draft goes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError as SpecError

from agents.admin.pages import change_url, console_page, list_url, log_change, to
from agents.admin.scoped import scoped
from agents.services.import_workflow import import_workflow
from agents.services.publish_workflow import workflow_spec
from agents.services.workflow_differences import workflow_differences
from agents.workflows.models import Workflow
from agents.workflows.reading import read_file
from agents.workflows.spec import WorkflowSpec
from config.errors import Problem
from tenants.accounts.scopes import Scope


class WorkflowImport:
    """For the workflows' admin class."""

    @scoped(Scope.AGENTS_WRITE, description="Import a file…", icon="upload", url_path="import")
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """A file or its text. What would replace a draft is shown first, with what changes."""
        context: dict[str, Any] = {"title": "Import a workflow", "back": list_url(Workflow)}
        if request.method == "POST":
            text, problem = _posted(request)
            context |= {"text": text, "problems": [problem] if problem else []}
            spec = None
            if not problem:
                read = read_file(text)
                spec, context["problems"] = read.spec, list(read.flaws)
            before = Workflow.objects.filter(slug=spec.slug).first() if spec else None
            if spec and before is not None and request.POST.get("confirmed") != "yes":
                context |= {"workflow": before, "changes": _changes(before, spec)}
            elif spec:
                try:
                    workflow, new = import_workflow(request.user, text)  # type: ignore[arg-type]
                except Problem as refused:
                    context["problems"] = [refused.detail]
                else:
                    log_change(request, workflow, "Imported from a file.")
                    done = "is made" if new else "is what the file says"
                    messages.success(request, f"The draft of {workflow} {done}. Publish it next.")
                    return to(change_url(workflow))
        return console_page(self, request, "admin/console/workflow_import.html", context)  # type: ignore[arg-type]


def _posted(request: HttpRequest) -> tuple[str, str]:
    """The file's text, or the field's; and why there is none."""
    given: Any = request.FILES.get("file")
    try:
        text = given.read().decode() if given is not None else request.POST.get("text", "")
    except UnicodeDecodeError:
        return "", "The file is no text in UTF-8."
    text = text.replace("\r\n", "\n")
    return text, "" if text.strip() else "Choose a file, or write its text."


def _changes(before: Workflow, after: WorkflowSpec) -> list[Any]:
    try:
        return list(workflow_differences(workflow_spec(before), after))
    except SpecError:  # a draft that this version can't read
        return list(workflow_differences(None, after))
