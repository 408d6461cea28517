"""The draft of a workflow; published, it is a revision like an agent's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from pydantic import ValidationError as SpecError

from agents.models.agent import Revision, slug_validator
from agents.workflows.flaws import with_node
from agents.workflows.reading import form_flaws
from agents.workflows.spec import Graph

_KEEPS_SLUG = "A published workflow keeps its slug: its revisions and callers use it."


class Workflow(models.Model):
    """The draft that the console and files edit. Its graph has a workflow's form, but may name what
    isn't there yet: publishing asks for everything.
    """

    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=64, unique=True, validators=[slug_validator])
    description = models.CharField(max_length=500, blank=True)
    graph = models.JSONField(help_text="Its nodes, input, output and limits.")
    run_roles = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name="roles that may run it",
        help_text="Empty: every role that may run agents.",
    )
    is_archived = models.BooleanField("archived", default=False)
    published = models.ForeignKey(
        Revision, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def spec(self) -> Graph:
        """Raises pydantic's ValidationError for a graph that this version can't read."""
        return Graph.model_validate(self.graph)

    def clean(self) -> None:
        super().clean()
        if not self.graph:
            return  # the field itself is refused
        try:
            self.graph = self.spec().model_dump(mode="json")
        except SpecError as error:
            flaws = [with_node(flaw, self.graph) for flaw in form_flaws(error, self.graph, Graph)]
            said = [f"{flaw.place}: {flaw.message}" for flaw in flaws]
            raise ValidationError({"graph": said}) from None
        if self.pk and self.published_id:
            before: Any = (
                type(self).objects.filter(pk=self.pk).values_list("slug", flat=True).first()
            )
            if before and before != self.slug:
                raise ValidationError({"slug": _KEEPS_SLUG})


def node_count(graph: dict[str, Any]) -> int:
    """Nodes of a graph's JSON, with those inside groups."""
    return sum(1 + node_count(node) for node in graph.get("nodes") or ())
