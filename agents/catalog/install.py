"""Put catalogue components into the active tenant: drafts, published by the usual door.

Installing again changes nothing. A component that the tenant has never touched follows the file
when the product brings a newer one; one that the tenant has edited, published or archived by
itself is the tenant's, and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.models import Group
from django.db import transaction

from agents.catalog.files import CatalogFile, read, slugs
from agents.desk import seed as desk
from agents.models import Agent
from agents.services.publish_agent import draft_spec, has_changes, publish_agent
from agents.specs import AgentSpec, digest
from agents.tools import registry
from approvals.conditions import cleaned
from approvals.models import Grant

NOTE = "From the catalogue"
# What a toolkit's tools work on, for a tenant that has nothing of its own to work on yet.
DEMO_DATA = {"service_desk": desk.seed}


class Outcome(StrEnum):
    INSTALLED = "installed"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    LEFT_ALONE = "left alone"


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of one component, with a sentence for people."""

    slug: str
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        return f"{self.slug}: {self.outcome}{f', {self.why}' if self.why else ''}"


def install_catalog() -> list[Installed]:
    """Install every shipped component into the active tenant, each by itself."""
    return [install(slug) for slug in slugs()]


def install(slug: str) -> Installed:
    """Install or bring up to date one component. Raises LookupError when none ships by that slug,
    Invalid when it can't be published here.
    """
    file = read(slug)
    with transaction.atomic():
        agent = (
            Agent.objects.select_for_update(of=("self",))
            .select_related("published")
            .filter(slug=slug)
            .first()
        )
        if agent is None:
            agent = Agent(slug=slug)
            done = Installed(slug, Outcome.INSTALLED)
        else:
            done = _state(agent, file.spec)
        if done.outcome in (Outcome.INSTALLED, Outcome.UPDATED):
            _fill(agent, file.spec)
            publish_agent(None, agent.pk, note=NOTE)
        if done.outcome is not Outcome.LEFT_ALONE:
            _grant(agent, file)
            _give_data(file.spec)
    return done


def _state(agent: Agent, spec: AgentSpec) -> Installed:
    """What to do about a component that is there."""
    if agent.is_archived:
        return Installed(agent.slug, Outcome.LEFT_ALONE, "it is archived")
    if agent.published is None or has_changes(agent):
        return Installed(agent.slug, Outcome.LEFT_ALONE, "its draft has been edited here")
    if digest(draft_spec(agent)) == digest(spec):
        return Installed(agent.slug, Outcome.UNCHANGED)
    if agent.published.author_id is not None or agent.published.note != NOTE:
        return Installed(agent.slug, Outcome.LEFT_ALONE, "it has been edited and published here")
    return Installed(agent.slug, Outcome.UPDATED, "the catalogue has a newer one")


def _fill(agent: Agent, spec: AgentSpec) -> None:
    agent.name = spec.name
    agent.description = spec.description
    agent.instructions = spec.instructions
    agent.model = spec.model.name
    agent.temperature = spec.model.temperature
    agent.max_output_tokens = spec.model.max_output_tokens
    agent.tools = list(spec.tools)
    agent.guardrails = [one.model_dump(mode="json") for one in spec.guardrails]
    agent.history_runs = spec.history_runs
    agent.max_turns = spec.limits.turns
    agent.max_tokens = spec.limits.tokens
    agent.max_seconds = spec.limits.seconds
    agent.save()
    agent.run_roles.set(Group.objects.filter(name__in=spec.run_roles))


def _grant(agent: Agent, file: CatalogFile) -> None:
    """The file's grants, where the component has none: grants are the tenant's to change."""
    if Grant.objects.filter(agent=agent).exists():
        return
    for given in file.grants:
        grant = Grant(agent=agent, **given.values())
        # The row knows no tools: only here its conditions are checked against the arguments.
        grant.conditions = cleaned(grant.conditions, registry.get(grant.tool).parameters)
        grant.full_clean()
        grant.save()


def _give_data(spec: AgentSpec) -> None:
    kits = {registry.get(name).toolkit for name in spec.tools}
    for toolkit in sorted(kits & DEMO_DATA.keys()):
        DEMO_DATA[toolkit]()
