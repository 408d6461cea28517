"""What holds for each role, agent and tool: whether it may be used, under which tier, and why.

Read from a few rows at once, however many agents, tools and roles there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from agents.models import Agent
from agents.tools import registry
from agents.tools.spec import ToolSpec
from approvals.conditions import Condition
from approvals.grants import read_grants
from approvals.policy import Rules, Ruling, rule_of, standing_ruling
from approvals.tiers import RANK
from tenants.accounts.scopes import ROLES, Scope


@dataclass(frozen=True, slots=True)
class Cell:
    """One role's: `why_not` is empty where it may use the tool through the agent."""

    role: str
    why_not: str = ""

    @property
    def allowed(self) -> bool:
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Permission:
    """One agent with one of its tools. `spec` is None for a tool that is not installed any more.

    `ruling` holds for a call about which nothing is known yet; `conditions` may raise its tier.
    `source` is the agent's own grant, the one for every agent, or the tool's own declaration.
    """

    agent: Agent
    tool: str
    spec: ToolSpec | None
    ruling: Ruling
    source: str
    conditions: tuple[Condition, ...]
    cells: tuple[Cell, ...]

    @property
    def strictest(self) -> str:
        """The tier that a condition may raise it to, or its own."""
        tiers = [self.ruling.tier, *(condition.tier for condition in self.conditions)]
        return max(tiers, key=RANK.__getitem__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them; what is empty narrows nothing. `text` is part of an agent's or tool's name."""

    text: str = ""
    agent: str = ""
    tool: str = ""
    tier: str = ""
    role: str = ""

    def fits(self, permission: Permission) -> bool:
        if self.tool and permission.tool != self.tool:
            return False
        if self.tier and permission.ruling.tier != self.tier:
            return False
        if self.role and not any(
            cell.allowed for cell in permission.cells if cell.role == self.role
        ):
            return False
        where = f"{permission.agent.name} {permission.agent.slug} {permission.tool}".lower()
        return self.text.lower() in where


def permissions(wanted: Wanted | None = None) -> list[Permission]:
    """Every tool of every agent that can be run, by the agent's name and the tool's, in two reads.

    The tools are those of the published revision: a draft's run nowhere yet.
    """
    wanted = wanted or Wanted()
    agents = (
        Agent.objects.filter(published__isnull=False, is_archived=False)
        .select_related("published")
        .order_by("name", "slug")
    )
    if wanted.agent:
        agents = agents.filter(slug=wanted.agent)
    found = permissions_of(agents, read_grants().rules)
    return [permission for permission in found if wanted.fits(permission)]


def permissions_of(agents: Iterable[Agent], rules: Rules) -> list[Permission]:
    """The same for these agents; their published revisions must be loaded with them."""
    installed = {spec.name: spec for spec in registry.all()}
    return [
        _permission(agent, tool, installed.get(tool), rules)
        for agent in agents
        if agent.published is not None
        for tool in sorted(agent.published.spec["tools"])
    ]


def _permission(agent: Agent, tool: str, spec: ToolSpec | None, rules: Rules) -> Permission:
    assert agent.published is not None
    rule = rule_of(rules, agent.slug, tool)
    source = "tool" if rule is None else "agent" if rule.agent else "every_agent"
    allowed_roles = agent.published.spec.get("run_roles") or []
    return Permission(
        agent=agent,
        tool=tool,
        spec=spec,
        ruling=standing_ruling(
            rules,
            agent.slug,
            tool,
            spec.tier if spec else "admin",
            expires_minutes=settings.APPROVAL_EXPIRES_MINUTES,
        ),
        source=source,
        conditions=rule.conditions if rule else (),
        cells=tuple(_cell(role, allowed_roles, spec) for role in ROLES),
    )


def _cell(role: str, allowed_roles: list[str], spec: ToolSpec | None) -> Cell:
    if spec is None:
        return Cell(role, "The tool is not installed any more.")
    if Scope.AGENTS_RUN not in ROLES[role]:
        return Cell(role, f"The role {role} doesn't run agents.")
    if allowed_roles and role not in allowed_roles:
        return Cell(role, f"Only {', '.join(allowed_roles)} may run this agent.")
    if spec.scope not in ROLES[role]:
        return Cell(role, f"The tool needs the scope {spec.scope}.")
    return Cell(role)
