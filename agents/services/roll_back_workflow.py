"""Go back to an earlier revision of a workflow: its spec is published again, under a new number."""

from __future__ import annotations

from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.models import Revision
from agents.services.import_workflow import set_workflow_draft
from agents.services.publish_workflow import draft_flaws
from agents.workflows.flaws import sentence
from agents.workflows.models import Workflow
from agents.workflows.spec import WorkflowSpec
from config.errors import Conflict, Forbidden, Invalid, NotFound
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def roll_back_workflow(
    member: Member | None, slug: str, number: int, note: str = "", *, draft_too: bool = False
) -> Revision:
    """Publish revision `number` of the workflow anew. Returns the new one; history only grows.

    The draft stays as it is unless `draft_too`. `member` None is the installation itself. Raises
    Forbidden, NotFound, Conflict when it is the published spec already, Invalid when what the old
    one names isn't there any more.
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Rolling back needs the scope agents:publish.")
    with transaction.atomic():
        found = Workflow.objects.select_for_update(of=("self",)).filter(slug=slug).first()
        if found is None or found.published is None:
            raise NotFound(f"There is no published workflow {slug!r}.", code="unknown_component")
        revisions = Revision.objects.filter(kind="workflow", slug=slug)
        wanted = revisions.filter(number=number).first()
        if wanted is None:
            raise NotFound(f"{found} has no revision {number}.", code="unknown_revision")
        if wanted.digest == found.published.digest:
            raise Conflict(
                f"r{found.published.number}, which is published, is the same as r{number}.",
                code="same_revision",
            )
        spec = _still_fit(wanted)
        last = revisions.first()
        assert last is not None
        made = Revision.objects.create(
            kind="workflow",
            slug=slug,
            number=last.number + 1,
            digest=wanted.digest,
            spec=wanted.spec,
            note=f"Back to r{number}. {note}".strip()[:500],
            author=member,
        )
        happened.tell(
            "workflow.rolled_back",
            target=("workflow", found.pk, found.name),
            before=found.published.spec,
            after=made.spec,
            detail={"revision": made.number, "back_to": number, "note": made.note},
        )
        found.published = made
        found.save(update_fields=["published", "updated_at"])
        if draft_too:
            set_workflow_draft(found, spec)
    return made


def _still_fit(revision: Revision) -> WorkflowSpec:
    try:
        spec = WorkflowSpec.model_validate(revision.spec)
    except SpecError as error:
        raise Invalid(f"{revision} can't be read any more: {error}") from None
    if flaws := draft_flaws(spec):
        raise Invalid(f"{revision} can't be used any more: {sentence(flaws)}")
    return spec
