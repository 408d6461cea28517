"""The form of a workflow's draft: its graph as YAML, checked and drawn while it is written."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.workflows.models import Workflow
from agents.workflows.reading import read_graph
from agents.workflows.writing import graph_yaml

FIRST = """\
input:
  type: object
  required: [text]
  properties:
    text:
      type: string
nodes:
  - id: answer
    kind: agent
    agent: assistant
    task: "{{ args.text }}"
    args:
      text: input.text
result:
  answer: answer.text
"""


class DefinitionWidget(forms.Widget):
    """A text area with numbered lines; beside it the problems and the drawing."""

    class Media:
        css = {"all": ("console/workflow.css",)}
        js = ("console/workflow-graph.js", "console/workflow.js")

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        return render_to_string(
            "admin/console/workflow_definition.html",
            {
                "field": name,
                "id": (attrs or {}).get("id", name),
                "text": value or "",
                "longest": settings.WORKFLOW_MAX_CHARS,
                "preview": reverse("admin:workflows_workflow_preview"),
            },
        )


class DefinitionField(forms.CharField):
    """YAML in the form, the graph's JSON in the row."""

    widget = DefinitionWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return graph_yaml(value) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, Any]:
        """Raises ValidationError with each mistake of the form and its line."""
        text = str(super().clean(value)).replace("\r\n", "\n")
        read = read_graph(text)
        if read.spec is None:
            raise ValidationError([str(flaw) for flaw in read.flaws])
        shown: dict[str, Any] = read.spec.model_dump(mode="json")
        return shown

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != (initial or {}))
        except ValidationError:
            return True


class WorkflowForm(forms.ModelForm):
    graph = DefinitionField(
        label="Definition", initial=FIRST, help_text="In effect once it is published."
    )

    class Meta:
        model = Workflow
        fields = ("name", "slug", "description", "graph", "run_roles")
        help_texts = {
            "slug": "How the API and addresses name it. It can't be changed once published.",
            "description": "One sentence for the people who choose among components.",
        }
