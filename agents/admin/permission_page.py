"""The permissions matrix: each role with each tool of each agent, the tier that holds, and why."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from agents.admin.pages import console_page
from agents.admin.scoped import may, scoped
from agents.admin.tier_badge import tier_badge
from agents.models import Agent
from agents.services import permissions as effective
from agents.tools import registry
from approvals.tiers import LABEL, said
from tenants.accounts.scopes import ROLES, Scope

ROWS = 100
SOURCE = {
    "agent": "the agent's own grant",
    "every_agent": "the grant for every agent",
    "tool": "the tool's own declaration",
}
_PARTS = ("text", "agent", "tool", "tier", "role")


class PermissionPage:
    """The page as part of the grants' admin class."""

    @scoped(Scope.GRANTS_READ, description="Permissions", icon="grid_on")
    def permissions(self, request: HttpRequest) -> HttpResponse:
        given = {part: request.GET.get(part, "").replace("\0", "") for part in _PARTS}
        wanted = effective.Wanted(**{part: text.strip()[:100] for part, text in given.items()})
        found = effective.permissions(wanted)
        page = Paginator(found, ROWS).get_page(request.GET.get("page"))
        shown_roles = [wanted.role] if wanted.role in ROLES else list(ROLES)
        writes = may(request, Scope.GRANTS_WRITE)
        context = {
            "title": "Permissions",
            "wanted": wanted,
            "narrowed": any(getattr(wanted, part) for part in _PARTS),
            "roles": shown_roles,
            "rows": [_row(permission, shown_roles, writes) for permission in page],
            "page": page,
            "query": urlencode({part: getattr(wanted, part) for part in _PARTS}),
            "choices": {
                "agent": _agents(),
                "tool": [(spec.name, spec.name) for spec in registry.all()],
                "tier": [(tier, label) for tier, label in LABEL.items()],
                "role": [(role, role) for role in ROLES],
            },
        }
        return console_page(self, request, "admin/console/permissions.html", context)  # type: ignore[arg-type]


def _agents() -> list[tuple[str, str]]:
    published = Agent.objects.filter(published__isnull=False, is_archived=False)
    return [(slug, name) for slug, name in published.order_by("name").values_list("slug", "name")]


def _row(permission: effective.Permission, roles: list[str], writes: bool) -> dict[str, Any]:
    ruling = permission.ruling
    return {
        "agent": permission.agent,
        "agent_url": reverse("admin:agents_agent_change", args=[permission.agent.pk]),
        "tool": permission.tool,
        "effect": permission.spec.effect.value.replace("_", " ") if permission.spec else "missing",
        "tier": tier_badge(ruling.tier),
        "why": ruling.why,
        "source": SOURCE[permission.source],
        "conditions": [
            {"words": one.words, "when": one.when, "tier": said(one.tier)}
            for one in permission.conditions
        ],
        "deciders": _deciders(permission),
        "grant": _grant_link(permission, writes),
        "cells": [
            {"role": cell.role, "badge": tier_badge(ruling.tier), "why_not": cell.why_not}
            for cell in permission.cells
            if cell.role in roles
        ],
    }


def _deciders(permission: effective.Permission) -> str:
    """Who is asked, where a sign-off can be needed."""
    ruling = permission.ruling
    if permission.strictest != "admin":
        return ""
    who = " or ".join(ruling.decider_roles) or "whoever may decide on approvals"
    number = f"{ruling.quorum} of " if ruling.quorum > 1 else ""
    return f"Signed off by {number}{who}" + (", also their own requests" * ruling.own_requests)


def _grant_link(permission: effective.Permission, writes: bool) -> dict[str, str] | None:
    """To the grant that holds; to a new one of the agent's own where none is its own."""
    ruling = permission.ruling
    if ruling.grant_id is not None:
        url = reverse("admin:approvals_grant_change", args=[ruling.grant_id])
        return {"url": url, "text": "Change the grant" if writes else "See the grant"}
    if not writes:
        return None
    query = urlencode({"agent": permission.agent.pk, "tool": permission.tool, "tier": ruling.tier})
    return {"url": f"{reverse('admin:approvals_grant_add')}?{query}", "text": "Grant"}
