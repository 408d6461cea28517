"""Roles: what each gives and who has it. A table in the code says it, so nothing is edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.navigation import on_platform
from agents.admin.pages import console_page, found
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.site import tenant_site
from tenants.accounts.models import Member, Role
from tenants.accounts.scopes import PLATFORM_ROLES, ROLES, Scope

# What each scope allows, in the words of who has to decide about it.
MEANING: dict[Scope, str] = {
    Scope.AGENTS_READ: "See the agents",
    Scope.AGENTS_RUN: "Run agents",
    Scope.AGENTS_WRITE: "Write and change agents' drafts",
    Scope.AGENTS_PUBLISH: "Publish agents",
    Scope.RUNS_READ: "See one's own runs",
    Scope.RUNS_READ_ALL: "See everybody's runs, with their inputs and outputs",
    Scope.RUNS_CANCEL_ALL: "Cancel anybody's run",
    Scope.SESSIONS_READ: "See one's own sessions",
    Scope.SESSIONS_WRITE: "Rename and delete one's own sessions",
    Scope.SESSIONS_READ_ALL: "Read everybody's sessions",
    Scope.NOTES_READ: "Let agents read one's notes",
    Scope.NOTES_WRITE: "Let agents write one's notes",
    Scope.DESK_READ: "See the service desk, and let agents look there for one",
    Scope.DESK_WRITE: "Let agents work at the service desk for one, as their grants allow",
    Scope.TOOLS_READ: "See the tools",
    Scope.GRANTS_READ: "See under which tier each agent may use each tool",
    Scope.GRANTS_WRITE: "Grant tools to agents: tiers, conditions, limits, who decides",
    Scope.APPROVALS_READ: "See one's approvals",
    Scope.APPROVALS_ANSWER: "Answer what one's own runs ask",
    Scope.APPROVALS_DECIDE: "Decide on approvals",
    Scope.AUDIT_READ: "Read the audit log",
    Scope.PROVIDERS_READ: "See model providers and models, never their keys",
    Scope.PROVIDERS_WRITE: "Set up model providers, keys, prices and the default model",
    Scope.USAGE_READ: "See one's own usage and limits",
    Scope.USAGE_READ_ALL: "See everybody's usage and limits",
    Scope.LIMITS_WRITE: "Set the limits of members",
    Scope.MEMBERS_READ: "See members and roles",
    Scope.MEMBERS_WRITE: "Add, change and suspend members",
    Scope.KEYS_READ: "See one's own API keys; with members:read every service account's",
    Scope.KEYS_WRITE: "Make and revoke them; with members:write every service account's",
    Scope.CONSOLE_USE: "Use this console",
    Scope.PROFILE_READ: "See one's own profile",
    Scope.PLATFORM_READ: "See tenants, the fleet and the task queue",
    Scope.PLATFORM_WRITE: "Provision, suspend and delete tenants",
}


def role_table(request: HttpRequest) -> dict[str, frozenset[Scope]]:
    return PLATFORM_ROLES if on_platform(request) else ROLES


@admin.register(Role, site=tenant_site)
@admin.register(Role, site=platform_site)
class RoleAdmin(ScopedAdmin):
    view_scope = Scope.MEMBERS_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "badge"
    empty_title = "No role"
    list_display = ("name", "gives", "members")
    actions_list = ("compare",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        active = Count("user", filter=Q(user__is_active=True))
        return super().get_queryset(request).annotate(active_members=active)

    @display(description="Gives")
    def gives(self, role: Role) -> SafeString:
        scopes = ROLES.get(role.name) or PLATFORM_ROLES.get(role.name) or frozenset()
        if not scopes:
            return format_html("nothing")
        return format_html(
            '<span title="{}">{} scopes</span>', ", ".join(sorted(scopes)), len(scopes)
        )

    @display(description="Active members")
    def members(self, role: Any) -> int:
        return int(role.active_members)

    @scoped(Scope.MEMBERS_READ, description="Compare roles", icon="table")
    def compare(self, request: HttpRequest) -> HttpResponse:
        table = role_table(request)
        scopes = [scope for scope in Scope if any(scope in given for given in table.values())]
        rows = [
            {
                "scope": scope,
                "meaning": MEANING[scope],
                "cells": [(role, scope in given) for role, given in table.items()],
            }
            for scope in scopes
        ]
        context = {"title": "Compare roles", "roles": list(table), "rows": rows}
        return console_page(self, request, "admin/console/roles.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        role = found(self, request, object_id)
        given = role_table(request).get(role.name, frozenset())
        context = {
            "title": role.name,
            "original": role,
            "role": role,
            "scopes": [(scope, MEANING[scope]) for scope in Scope if scope in given],
            "members": Member.objects.filter(groups=role.pk).order_by("username")[:200],
        }
        return console_page(self, request, "admin/console/role.html", context)
