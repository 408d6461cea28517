"""Put catalogue components into the active tenant: drafts, published by the usual door.

Installing again changes nothing. A component that the tenant has never touched follows the file
when the product brings a newer one; one that the tenant has edited, published or archived by
itself is the tenant's, and left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import Group
from django.db import transaction

from agents.catalog.files import CatalogFile, in_order, read
from agents.catalog.install_team import install_team
from agents.catalog.install_workflow import install_workflow
from agents.catalog.outcomes import NOTE, Installed, Outcome, outcome_of
from agents.desk import seed as desk
from agents.models import Agent
from agents.services.publish_agent import draft_spec, has_changes, publish_agent
from agents.specs import AgentSpec, TeamSpec, digest
from agents.tools import registry
from approvals.conditions import cleaned
from approvals.models import Grant
from config.errors import Problem

__all__ = ["Installed", "Outcome", "install", "install_each"]

# What a toolkit's tools work on, for a tenant that has nothing of its own to work on yet.
DEMO_DATA = {"service_desk": desk.seed}


def install_each(wanted: list[str]) -> Iterator[tuple[str, Installed | Problem]]:
    """Install these and what they are made of, in the order in which that can be done.

    Each is a transaction of its own: of one that can't be installed nothing is saved, and it is
    given with the reason. Raises LookupError when none ships by such a slug.
    """
    for slug in in_order(wanted):
        try:
            yield slug, install(slug)
        except Problem as problem:
            yield slug, problem


def install(slug: str) -> Installed:
    """Install or bring up to date one component; what it is made of has to be there.

    Raises LookupError when none ships by that slug, Invalid when it can't be published here.
    """
    file = read(slug)
    with transaction.atomic():
        if isinstance(file.spec, AgentSpec):
            return _install_agent(file, file.spec)
        if isinstance(file.spec, TeamSpec):
            return install_team(file.spec)
        return install_workflow(file.spec)


def _install_agent(file: CatalogFile, spec: AgentSpec) -> Installed:
    found = Agent.objects.select_for_update(of=("self",)).select_related("published")
    row = found.filter(slug=spec.slug).first()
    done = outcome_of(
        row,
        spec.slug,
        edited=row is not None and has_changes(row),
        same=row is not None and digest(draft_spec(row)) == digest(spec),
    )
    agent = row if row is not None else Agent(slug=spec.slug)
    if done.writes:
        _fill(agent, spec)
        publish_agent(None, agent.pk, note=NOTE)
    if done.outcome is not Outcome.LEFT_ALONE:
        _grant(agent, file)
        _give_data(spec)
    return done


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
    agent.max_seconds, agent.max_cost = spec.limits.seconds, spec.limits.cost
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
