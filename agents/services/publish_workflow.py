"""Publish a workflow: its draft becomes the next immutable revision if nothing is wrong."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.models import Revision
from agents.specs import digest
from agents.workflows.check import flaws_of
from agents.workflows.flaws import Flaw, sentence, with_node
from agents.workflows.known import known_to
from agents.workflows.models import Workflow
from agents.workflows.spec import WorkflowSpec
from config.errors import Forbidden, Invalid
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def workflow_spec(workflow: Workflow) -> WorkflowSpec:
    """The spec that publishing the draft as it is would give. Raises pydantic's ValidationError."""
    return WorkflowSpec.model_validate(
        {
            **workflow.graph,
            "slug": workflow.slug,
            "name": workflow.name,
            "description": workflow.description,
            # Not values_list: lists of workflows prefetch the roles.
            "run_roles": sorted(group.name for group in workflow.run_roles.all()),
        }
    )


def differs(workflow: Workflow) -> bool:
    """Whether the draft differs from what is published; one that can't be read does."""
    if workflow.published is None:
        return True
    try:
        return bool(workflow.published.digest != digest(workflow_spec(workflow)))
    except SpecError:
        return True


def draft_flaws(spec: WorkflowSpec) -> list[Flaw]:
    """Why this can't be published in the active tenant, each with its node; [] when it can."""
    shown = spec.model_dump(mode="json")
    return [with_node(flaw, shown) for flaw in flaws_of(spec, known_to(spec))]


def publish_workflow(
    member: Member | None, workflow_id: int, note: str = ""
) -> tuple[Revision, bool]:
    """Publish the draft; returns the revision, and whether it is new.

    An unchanged draft makes no new revision. `member` None is the installation itself (commands).
    Raises Forbidden without agents:publish, Invalid with every flaw in `errors`: nothing is saved
    then.
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Publishing needs the scope agents:publish.")
    with transaction.atomic():
        workflow = Workflow.objects.select_for_update().get(pk=workflow_id)
        spec = _fit(workflow)
        name = digest(spec)
        if workflow.published is not None and workflow.published.digest == name:
            return workflow.published, False
        last = Revision.objects.filter(kind="workflow", slug=workflow.slug).first()
        revision = Revision.objects.create(
            kind="workflow",
            slug=workflow.slug,
            number=last.number + 1 if last else 1,
            digest=name,
            spec=spec.model_dump(mode="json"),
            note=note[:500],
            author=member,
        )
        happened.tell(
            "workflow.published",
            target=("workflow", workflow.pk, workflow.name),
            before=workflow.published.spec if workflow.published else None,
            after=revision.spec,
            detail={"revision": revision.number, "note": revision.note},
        )
        workflow.published = revision
        workflow.save(update_fields=["published", "updated_at"])
    return revision, True


def _fit(workflow: Workflow) -> WorkflowSpec:
    try:
        workflow.full_clean()
        spec = workflow_spec(workflow)
    except ValidationError as error:
        raise Invalid("The draft can't be published: " + " ".join(error.messages)) from None
    except SpecError as error:
        raise Invalid(f"The draft can't be published: {error}") from None
    if flaws := draft_flaws(spec):
        raise Invalid(
            f"The draft can't be published: {sentence(flaws)}",
            errors=[flaw.as_error() for flaw in flaws],
        )
    return spec
