"""The tiers of an agent's tools on its own page: what holds for each, why, and where to say so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.tier_badge import tier_badge
from agents.models import Agent
from agents.tools import registry
from approvals.grants import read_grants
from approvals.policy import standing_ruling
from approvals.tiers import ADMIN


def grants_panel(agent: Agent, writes: bool) -> SafeString:
    """One row for each tool of the draft. Two statements, however many tools there are."""
    declared = {spec.name: spec.tier for spec in registry.all()}
    rules = read_grants().rules
    rows: list[dict[str, Any]] = []
    for tool in agent.tools:
        ruling = standing_ruling(
            rules,
            agent.slug,
            tool,
            declared.get(tool, ADMIN),
            expires_minutes=settings.APPROVAL_EXPIRES_MINUTES,
        )
        own = rules.get((agent.slug, tool))
        rows.append(
            {
                "tool": tool,
                "tier": tier_badge(ruling.tier),
                "why": ruling.why,
                "own": own is not None,
                "grant": reverse("admin:approvals_grant_change", args=[own.id]) if own else "",
                "add": _add_url(agent, tool, ruling.tier) if writes and not own else "",
            }
        )
    return render_to_string("admin/console/agent_grants.html", {"rows": rows, "writes": writes})


def _add_url(agent: Agent, tool: str, tier: str) -> str:
    given = urlencode({"agent": agent.pk, "tool": tool, "tier": tier})
    return f"{reverse('admin:approvals_grant_add')}?{given}"


class GrantsOfAgent:
    """The panel as two read-only fields of the agent's form: one to look at, one to act from."""

    @display(description="Tiers")
    def grants_shown(self, agent: Agent) -> SafeString:
        return grants_panel(agent, writes=False)

    @display(description="Tiers")
    def grants_written(self, agent: Agent) -> SafeString:
        return grants_panel(agent, writes=True)
