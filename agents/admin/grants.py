"""Grants: under which tier agents may use tools. Owners write them; the matrix shows the effect."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from agents.admin.condition_field import parameters_of
from agents.admin.grant_form import GrantForm
from agents.admin.permission_page import PermissionPage
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.admin.tier_badge import tier_badge
from approvals.condition_check import issues
from approvals.models import Grant
from approvals.tiers import ADMIN, LABEL
from tenants.accounts.scopes import Scope

_WORDS = {"conditions": "conditions_shown", "decider_roles": "deciders_shown"}


@admin.register(Grant, site=tenant_site)
class GrantAdmin(PermissionPage, ScopedAdmin):
    view_scope = Scope.GRANTS_READ
    add_scope = Scope.GRANTS_WRITE
    change_scope = Scope.GRANTS_WRITE
    delete_scope = Scope.GRANTS_WRITE

    empty_icon = "rule"
    empty_title = "No grant yet"
    empty_text = "Until there is one, each tool is used as it declares itself."

    form = GrantForm
    bulk_delete = True
    list_display = ("tool_shown", "agent_shown", "tier_shown", "raised_by", "limits", "edited")
    list_display_links = ("tool_shown",)
    list_filter = ("tier", ("agent", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("agent", "team")
    search_fields = ("tool", "agent__name", "agent__slug", "note")
    search_help_text = "Tool, agent or note"
    ordering = ("tool", "agent__name")
    actions_list = ("permissions",)

    # --- the list ---------------------------------------------------------------------------------

    @display(description="Tool", ordering="tool")
    def tool_shown(self, grant: Grant) -> SafeString:
        return format_html("<code>{}</code>", grant.tool)

    @display(description="Agent", ordering="agent__name")
    def agent_shown(self, grant: Grant) -> SafeString | str:
        if grant.team is not None:
            return format_html("{} <small>team</small>", grant.team)
        return str(grant.agent) if grant.agent else badge("every agent", "primary")

    @display(description="Tier", ordering="tier")
    def tier_shown(self, grant: Grant) -> SafeString:
        return tier_badge(grant.tier)

    @display(description="Raised where")
    def raised_by(self, grant: Grant) -> SafeString | str:
        lines = (
            (one.get("why") or one.get("when", ""), LABEL.get(one.get("tier", ""), "").lower())
            for one in grant.conditions[:3]
        )
        more = f"and {len(grant.conditions) - 3} more" if len(grant.conditions) > 3 else ""
        shown = format_html_join("", "<span>{} <small>→ {}</small></span>", lines)
        return format_html('<span class="cx-two">{}{}</span>', shown, more) if shown else "—"

    @display(description="Limits")
    def limits(self, grant: Grant) -> str:
        parts = []
        if grant.calls_per_run is not None:
            parts.append(f"{grant.calls_per_run:,} a run")
        if grant.calls_per_hour is not None:
            parts.append(f"{grant.calls_per_hour:,} an hour")
        if grant.timeout_ms is not None:
            parts.append(f"{grant.timeout_ms:,} ms a call")
        if grant.tier == ADMIN and grant.quorum > 1:
            parts.append(f"{grant.quorum} must agree")
        return " · ".join(parts) or "—"

    @display(description="Edited", ordering="updated_at")
    def edited(self, grant: Grant) -> SafeString | str:
        return ago(grant.updated_at)

    # --- the form ---------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Grant | None = None) -> Any:
        writes = self.has_change_permission(request)

        def named(*fields: Any) -> tuple[Any, ...]:
            return fields if writes else tuple(_WORDS.get(str(name), name) for name in fields)

        return (
            ("What", {"fields": named(("agent", "team"), "tool", "tier")}),
            ("Stricter for some calls", {"fields": named("conditions", "untrusted")}),
            (
                "How often, and how long",
                {"fields": (("calls_per_run", "calls_per_hour", "timeout_ms"),)},
            ),
            (
                "Sign-off",
                {"fields": named("decider_roles", "quorum", "own_requests")},
            ),
            (
                "How long a request stays open",
                {"fields": ("expires_minutes", ("on_expiry", "escalate_to"))},
            ),
            ("Note", {"fields": ("note",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return tuple(_WORDS.values())

    @display(description="Conditions")
    def conditions_shown(self, grant: Grant) -> SafeString | str:
        rows = (
            (one.get("when", ""), LABEL.get(one.get("tier", ""), "").lower(), one.get("why", ""))
            for one in grant.conditions
        )
        shown = format_html_join("", "<li><code>{}</code> → {} <small>{}</small></li>", rows)
        return format_html('<ul class="cx-list">{}</ul>', shown) if shown else "none"

    @display(description="Who signs off")
    def deciders_shown(self, grant: Grant) -> str:
        return ", ".join(grant.decider_roles) or "everyone who may decide on approvals"

    # --- pages ------------------------------------------------------------------------------------

    def extra_pages(self) -> Any:
        return (("check/", "check", self.check_condition),)

    @scoped(Scope.GRANTS_WRITE)
    def check_condition(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with a condition that is being written: `{issues: [...]}`."""
        return _checked(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        return super().get_queryset(request).select_related("agent", "team")


@require_POST
def _checked(request: HttpRequest) -> HttpResponse:
    found = issues(request.POST.get("when", ""), parameters_of(request.POST.get("tool", "")))
    return JsonResponse({"issues": [issue.as_json() for issue in found]})
