"""Under which tier agents may use tools: the tenant's grants, and what holds for one agent."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from agents.runtime.events import iso
from agents.services.access import access_agent
from agents.services.permissions import Permission, permissions_of
from approvals.grants import read_grants
from approvals.models import Grant
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["tools"])


class GrantFilter(Paging):
    """Of one agent's own grants (its slug), or of one tool."""

    agent: str | None = Field(default=None, max_length=64)
    tool: str | None = Field(default=None, max_length=64)


@router.get("/grants", auth=requires(Scope.GRANTS_READ))
async def list_grants(request: HttpRequest, query: Query[GrantFilter]) -> dict[str, Any]:
    """The tenant's grants, newest first."""
    return await hop(_list, query)


def _list(query: GrantFilter) -> dict[str, Any]:
    rows = Grant.objects.select_related("agent", "team")
    if query.agent is not None:
        rows = rows.filter(agent__slug=query.agent)
    if query.tool is not None:
        rows = rows.filter(tool=query.tool)
    return page(rows, query, ("id",), _grant)


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "agent": grant.agent.slug if grant.agent else None,
        "team": grant.team.slug if grant.team else None,
        "tool": grant.tool,
        "tier": grant.tier,
        "conditions": grant.conditions,
        "after_untrusted_content": grant.untrusted,
        "calls_per_run": grant.calls_per_run,
        "calls_per_hour": grant.calls_per_hour,
        "timeout_ms": grant.timeout_ms,
        "decider_roles": grant.decider_roles,
        "quorum": grant.quorum,
        "own_requests": grant.own_requests,
        "expires_minutes": grant.expires_minutes,
        "on_expiry": grant.on_expiry,
        "escalate_to": grant.escalate_to or None,
        "note": grant.note,
        "updated_at": iso(grant.updated_at),
    }


@router.get("/agents/{slug}/grants", auth=requires(Scope.GRANTS_READ))
async def effective_grants(request: HttpRequest, slug: str) -> dict[str, Any]:
    """What holds for each tool of the published agent, and whether you may use it."""
    return await hop(_effective, principal(request), slug)


def _effective(who: Principal, slug: str) -> dict[str, Any]:
    agent = access_agent(who, slug)
    found = permissions_of([agent], read_grants().rules)
    return {"items": [_permission(who, one) for one in found], "next": None}


def _permission(who: Principal, one: Permission) -> dict[str, Any]:
    mine = one.spec is not None and who.may(Scope.AGENTS_RUN) and who.may(one.spec.scope)
    return {
        "tool": one.tool,
        "tier": one.ruling.tier,
        "may_be_raised_to": one.strictest,
        "why": one.ruling.why,
        "source": one.source,
        "grant_id": one.ruling.grant_id,
        "allowed": mine,
        "conditions": [
            {"when": condition.when, "tier": condition.tier, "why": condition.why}
            for condition in one.conditions
        ],
        "decider_roles": list(one.ruling.decider_roles),
        "quorum": one.ruling.quorum,
        "expires_minutes": one.ruling.expires_minutes,
    }
