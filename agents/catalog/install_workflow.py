"""Install a shipped workflow: its file is taken as an import would, and published."""

from __future__ import annotations

from agents.catalog.outcomes import NOTE, Installed, outcome_of
from agents.services.import_workflow import set_workflow_draft
from agents.services.publish_workflow import differs, publish_workflow, workflow_spec
from agents.specs import digest
from agents.workflows.models import Workflow
from agents.workflows.spec import WorkflowSpec


def install_workflow(spec: WorkflowSpec) -> Installed:
    """In the caller's transaction. Raises Invalid, with each flaw, when it can't be published."""
    found = Workflow.objects.select_for_update(of=("self",)).select_related("published")
    row = found.filter(slug=spec.slug).first()
    edited = row is not None and differs(row)
    done = outcome_of(
        row,
        spec.slug,
        edited=edited,
        same=row is not None and not edited and digest(workflow_spec(row)) == digest(spec),
    )
    if done.writes:
        workflow = row if row is not None else Workflow(slug=spec.slug)
        set_workflow_draft(workflow, spec)
        publish_workflow(None, workflow.pk, note=NOTE)
    return done
