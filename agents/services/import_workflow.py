"""Import a workflow's file: its draft is made, or becomes what the file says."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from agents.workflows.flaws import Flaw, sentence
from agents.workflows.models import Workflow
from agents.workflows.reading import read_file
from agents.workflows.spec import WorkflowSpec, graph_of
from config.errors import Forbidden, Invalid
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def import_workflow(member: Member | None, text: str) -> tuple[Workflow, bool]:
    """The draft, and whether it is new. What is published stays as it is.

    A file that has a workflow's form is taken, whatever it names: publishing asks for the rest.
    `member` None is the installation itself. Raises Forbidden without agents:write, Invalid with
    each flaw of the form in `errors`, at its line; nothing is saved then.
    """
    if member is not None and not member.may(Scope.AGENTS_WRITE):
        raise Forbidden("Importing needs the scope agents:write.")
    read = read_file(text)
    if read.spec is None:
        raise _invalid(list(read.flaws))
    unknown = [
        Flaw(("run_roles", place), f"There is no role {role}.")
        for place, role in enumerate(read.spec.run_roles)
        if not Group.objects.filter(name=role).exists()
    ]
    if unknown:
        raise _invalid(read.located(unknown))
    with transaction.atomic():
        spec = read.spec
        found = Workflow.objects.select_for_update(of=("self",)).filter(slug=spec.slug).first()
        workflow = found if found is not None else Workflow(slug=spec.slug)
        if workflow.is_archived:
            raise Invalid(f"{workflow} is archived: bring it back first.")
        try:
            set_workflow_draft(workflow, spec)
        except ValidationError as error:
            raise Invalid("The file can't be taken: " + " ".join(error.messages)) from None
    return workflow, found is None


def set_workflow_draft(workflow: Workflow, spec: WorkflowSpec) -> None:
    """Make the draft what `spec` says; roles that no longer exist are left out."""
    workflow.name, workflow.description = spec.name, spec.description
    workflow.graph = graph_of(spec)
    workflow.full_clean()
    workflow.save()
    workflow.run_roles.set(Group.objects.filter(name__in=spec.run_roles))


def _invalid(flaws: list[Flaw]) -> Invalid:
    return Invalid(
        f"The file can't be taken: {sentence(flaws)}",
        errors=[{**flaw.as_error(), "line": flaw.line, "column": flaw.column} for flaw in flaws],
    )
