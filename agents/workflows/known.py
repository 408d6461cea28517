"""What a workflow may name in the active tenant: components, tools, roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q
from pydantic import ValidationError

from agents.models import Agent, Revision, Team
from agents.tools import registry
from agents.tools.spec import ToolSpec
from agents.workflows.links import everything
from agents.workflows.models import Workflow
from agents.workflows.spec import (
    AgentNode,
    Graph,
    TeamNode,
    WorkflowNode,
    WorkflowSpec,
)

_LEVELS = 20  # of workflows in workflows that are looked at

Pinned = tuple[str, str, int | None]
"""Kind, slug, and the revision that is named, if one is."""


@dataclass(frozen=True)
class Known:
    """`states`: by kind and slug: published, draft or archived. `specs`: of the workflows that are
    named, and of those they name. Of teams only published ones are known.
    """

    states: Mapping[tuple[str, str], str] = field(default_factory=dict)
    revisions: frozenset[tuple[str, str, int]] = frozenset()
    specs: Mapping[Pinned, WorkflowSpec] = field(default_factory=dict)
    tools: Mapping[str, ToolSpec] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()

    def slugs(self, kind: str) -> list[str]:
        """The published ones."""
        return [slug for (one, slug), state in self.states.items() if one == kind and not state]

    def why_not(self, kind: str, slug: str, revision: int | None) -> str:
        """Why this can't be run as a part of another; "" when it can."""
        state = self.states.get((kind, slug))
        if state is None:
            return f"There is no {kind} {slug}"
        if state:
            return f"The {kind} {slug} {state}"
        if revision is not None and (kind, slug, revision) not in self.revisions:
            return f"The {kind} {slug} has no revision {revision}"
        return ""


def named(graph: Graph) -> list[Pinned]:
    """The components that the nodes of a graph name, each once."""
    found: dict[Pinned, None] = {}
    for _, node in everything(graph.nodes):
        if isinstance(node, AgentNode):
            found["agent", node.agent, node.revision] = None
        elif isinstance(node, TeamNode):
            found["team", node.team, node.revision] = None
        elif isinstance(node, WorkflowNode):
            found["workflow", node.workflow, node.revision] = None
    return list(found)


def known_to(graph: Graph | None) -> Known:
    """What there is that concerns this graph, in a few queries however large it is."""
    wanted = named(graph) if graph is not None else []
    return Known(
        states=_states(),
        revisions=_revisions(wanted),
        specs=_specs(wanted),
        tools={spec.name: spec for spec in registry.all()},
        roles=frozenset(Group.objects.values_list("name", flat=True)),
    )


def _states() -> dict[tuple[str, str], str]:
    """Why each component can't be run, "" where it can."""
    found: dict[tuple[str, str], str] = {}
    for kind, model in (("agent", Agent), ("team", Team), ("workflow", Workflow)):
        rows: Any = model._default_manager.values_list("slug", "is_archived", "published_id")
        for slug, archived, published in rows:
            state = "is archived" if archived else "" if published else "isn't published yet"
            found[kind, slug] = state
    return found


def _revisions(wanted: Iterable[Pinned]) -> frozenset[tuple[str, str, int]]:
    asked = [Q(kind=kind, slug=slug, number=number) for kind, slug, number in wanted if number]
    if not asked:
        return frozenset()
    either = asked[0]
    for one in asked[1:]:
        either |= one
    return frozenset(Revision.objects.filter(either).values_list("kind", "slug", "number"))


def _specs(wanted: Iterable[Pinned]) -> dict[Pinned, WorkflowSpec]:
    """The workflows that are named and those that they name, a query for each level."""
    found: dict[Pinned, WorkflowSpec] = {}
    level = [one for one in wanted if one[0] == "workflow"]
    for _ in range(_LEVELS):
        level = [one for one in level if one not in found]
        if not level:
            break
        specs = _published(level)
        found.update(specs)
        level = [one for spec in specs.values() for one in named(spec) if one[0] == "workflow"]
    return found


def _published(wanted: Iterable[Pinned]) -> dict[Pinned, WorkflowSpec]:
    asked = list(wanted)
    slugs = {slug for _, slug, _ in asked}
    current = dict(
        Workflow.objects.filter(slug__in=slugs, published__isnull=False).values_list(
            "slug", "published__number"
        )
    )
    numbers = {one: one[2] or current.get(one[1]) for one in asked}
    either = Q(pk__in=[])
    for (_, slug, _), number in numbers.items():
        if number is not None:
            either |= Q(slug=slug, number=number)
    rows = Revision.objects.filter(either, kind="workflow").values_list("slug", "number", "spec")
    specs = {}
    for slug, number, spec in rows:
        try:
            read = WorkflowSpec.model_validate(spec)
        except ValidationError:
            continue  # one that this version can't read is one without a known form
        for one, wants in numbers.items():
            if one[1] == slug and wants == number:
                specs[one] = read
    return specs
