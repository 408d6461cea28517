"""Put a catalogue component into the active tenant: a draft, published by the usual door."""

from __future__ import annotations

import tomllib
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction

from agents.models import Agent
from agents.services.publish_agent import publish_agent
from agents.specs import AgentSpec

FOLDER = Path(__file__).parent


def component_spec(slug: str) -> AgentSpec:
    """The typed spec of a shipped component. Raises LookupError when there is no such file."""
    file = FOLDER / f"{slug}.toml"
    if not file.is_file():
        raise LookupError(f"the catalogue has no component {slug!r}")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    data["instructions"] = data.get("instructions", "").strip()
    return AgentSpec.model_validate(data)


def install(slug: str) -> bool:
    """Install and publish it unless the tenant has one of that slug; True if it was new."""
    spec = component_spec(slug)
    if Agent.objects.filter(slug=slug).exists():
        return False
    with transaction.atomic():
        agent = Agent.objects.create(
            name=spec.name,
            slug=spec.slug,
            description=spec.description,
            instructions=spec.instructions,
            model=spec.model.name,
            temperature=spec.model.temperature,
            max_output_tokens=spec.model.max_output_tokens,
            tools=list(spec.tools),
            history_runs=spec.history_runs,
            max_turns=spec.limits.turns,
            max_tokens=spec.limits.tokens,
            max_seconds=spec.limits.seconds,
        )
        agent.run_roles.set(Group.objects.filter(name__in=spec.run_roles))
        publish_agent(None, agent.pk, note="From the catalogue")
    return True
