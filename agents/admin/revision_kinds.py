"""What the pages of revisions do for each kind of component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Model, OuterRef
from django.db.models.expressions import Combinable
from pydantic import ValidationError as SpecError

from agents.models import Agent, Revision, Team
from agents.services.differences import Difference, differences, value_differences
from agents.services.roll_back import roll_back
from agents.services.roll_back_team import roll_back_team
from agents.services.roll_back_workflow import roll_back_workflow
from agents.services.workflow_differences import workflow_differences
from agents.specs import read_spec
from agents.workflows.drawing import svg
from agents.workflows.models import Workflow
from agents.workflows.spec import WorkflowSpec

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class RevisionKind:
    """`changes` compares two specs, the earlier of which may be missing. `drawing`: "" for none."""

    model: type[Model] | None
    changes: Callable[[Spec | None, Spec], list[Difference]]
    go_back: Callable[..., Revision] | None = None
    is_run: bool = False
    drawing: Callable[[Spec], str] = lambda spec: ""

    def row(self, slug: str) -> Any:
        """The component's draft, None where there is none any more."""
        if self.model is None:
            return None
        return self.model._default_manager.select_related("published").filter(slug=slug).first()


def kind_of(revision: Revision) -> RevisionKind:
    """A kind that nothing is known of is shown by the keys of its spec."""
    return _KINDS.get(revision.kind, _OTHER)


def is_published() -> Combinable:
    """Of a queryset of revisions: whether a component uses the row."""
    found: Any = None
    for kind in _KINDS.values():
        assert kind.model is not None
        one = Exists(kind.model._default_manager.filter(published=OuterRef("pk")))
        found = one if found is None else found | one
    assert found is not None
    return found


def _run_changes(before: Spec | None, after: Spec) -> list[Difference]:
    return differences(read_spec(before) if before is not None else None, read_spec(after))


def _workflow_changes(before: Spec | None, after: Spec) -> list[Difference]:
    try:
        old = WorkflowSpec.model_validate(before) if before is not None else None
        return workflow_differences(old, WorkflowSpec.model_validate(after))
    except SpecError:
        return value_differences(before, after)


def _workflow_drawing(spec: Spec) -> str:
    try:
        return svg(WorkflowSpec.model_validate(spec))
    except SpecError:
        return ""


_KINDS = {
    "agent": RevisionKind(Agent, _run_changes, roll_back, is_run=True),
    "team": RevisionKind(Team, _run_changes, roll_back_team, is_run=True),
    "workflow": RevisionKind(
        Workflow, _workflow_changes, roll_back_workflow, is_run=True, drawing=_workflow_drawing
    ),
}
_OTHER = RevisionKind(None, value_differences)
