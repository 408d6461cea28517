"""What holds for each role, agent and tool: many at once, in few statements."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Revision
from agents.services.permissions import Wanted, permissions
from agents.tools import registry
from approvals.models import Grant
from tenants.context import TenantRef, use_tenant


@pytest.fixture
def many(acme: TenantRef) -> Iterator[list[Agent]]:
    """A hundred published agents with fifty tools each, most of them gone from the registry."""
    installed = [spec.name for spec in registry.all()]
    tools = installed + [f"gone_{number:02}" for number in range(50 - len(installed))]
    with use_tenant(acme):
        made = []
        for number in range(100):
            slug = f"many-{number:03}"
            spec = {"name": slug, "tools": tools, "run_roles": ["owner"] if number == 0 else []}
            revision = Revision.objects.create(
                kind="agent", slug=slug, number=1, digest="0" * 64, spec=spec
            )
            made.append(Agent.objects.create(name=slug, slug=slug, published=revision))
        yield made


def test_a_hundred_agents_with_fifty_tools_take_three_statements(many: list[Agent]) -> None:
    Grant.objects.create(tool="calculator", tier="admin")
    Grant.objects.create(tool="calculator", tier="user", agent=many[7])
    began = time.process_time()
    with CaptureQueriesContext(connection) as queries:
        found = permissions(Wanted(text="many-"))
    took = time.process_time() - began
    assert len(found) == 5000 and len(queries) <= 3
    assert took < 5  # some tenths of a second on a quiet machine
    tiers = {(one.agent.slug, one.tool): (one.ruling.tier, one.source) for one in found}
    assert tiers["many-007", "calculator"] == ("user", "agent")
    assert tiers["many-008", "calculator"] == ("admin", "every_agent")
    assert tiers["many-008", "current_time"] == ("free", "tool")
    assert tiers["many-008", "gone_01"][0] == "admin"


def test_who_may_use_a_tool_follows_from_roles_and_scopes(many: list[Agent]) -> None:
    def allowed(agent: str, tool: str) -> set[str]:
        (found,) = permissions(Wanted(agent=agent, tool=tool))
        return {cell.role for cell in found.cells if cell.allowed}

    everyone = {"member", "integrator", "builder", "operator", "approver", "owner"}
    assert allowed("many-001", "calculator") == everyone
    assert allowed("many-000", "calculator") == {"owner"}
    assert allowed("many-001", "gone_00") == set()


def test_archived_agents_and_other_tenants_are_left_away(
    many: list[Agent], globex: TenantRef
) -> None:
    many[3].is_archived = True
    many[3].save()
    assert permissions(Wanted(agent="many-003")) == []
    with use_tenant(globex):
        assert permissions(Wanted(text="many-")) == []
