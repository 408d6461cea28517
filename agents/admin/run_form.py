"""What a revision is tried on: a text, or the fields that a workflow's input has."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from agents.models import Revision
from agents.schema_form import SchemaForm
from config.errors import Invalid


def input_form(revision: Revision) -> SchemaForm | None:
    """The fields of a workflow's input; None where the input is a text."""
    schema = revision.spec.get("input") if revision.kind == "workflow" else None
    return SchemaForm(schema) if schema else None


def given_input(revision: Revision, post: QueryDict) -> str | dict[str, Any]:
    """What was posted. Raises Invalid where a field can't be read."""
    form = input_form(revision)
    if form is None:
        return str(post.get("input", ""))
    values = form.read(post)
    if values is None:
        said = [f"{one.label}: {' '.join(one.errors)}" for one in form.fields if one.errors]
        raise Invalid("; ".join(said))
    return values
