"""Agents: the draft is edited here, published into a revision, archived instead of deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.agent_form import AgentForm
from agents.admin.agent_grants import GrantsOfAgent
from agents.admin.component_pages import ComponentPages
from agents.admin.publishing import AGENTS
from agents.admin.scoped import ScopedAdmin, may
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.models import Agent
from agents.services.publish_agent import has_changes
from tenants.accounts.scopes import Scope


@admin.register(Agent, site=tenant_site)
class AgentAdmin(GrantsOfAgent, ComponentPages, ScopedAdmin):
    publishing = AGENTS
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_WRITE
    change_scope = Scope.AGENTS_WRITE
    delete_scope = Scope.AGENTS_WRITE

    empty_icon = "smart_toy"
    empty_title = "No agent yet"
    empty_text = "An agent is a model with instructions and tools. Write one, then publish it."

    form = AgentForm
    list_display = ("title", "state", "model_shown", "tools_count", "edited")
    list_filter = (("is_archived", admin.BooleanFieldListFilter),)
    search_fields = ("name", "slug", "description")
    search_help_text = "Name, slug or description"
    list_select_related = ("published",)
    ordering = ("is_archived", "name")
    actions_detail = ("publish", "try_it", "revisions", "archive", "unarchive")
    actions_submit_line = ("save_and_publish",)

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return super().get_queryset(request).prefetch_related("run_roles")

    @display(description="Agent", ordering="name")
    def title(self, agent: Agent) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            agent.name,
            agent.slug,
        )

    @display(description="Published")
    def state(self, agent: Agent) -> SafeString:
        parts = []
        if agent.published is None:
            parts.append(badge("draft", "neutral"))
        else:
            parts.append(badge(f"r{agent.published.number}", "success"))
            if has_changes(agent):
                parts.append(badge("unpublished changes", "warning"))
        if agent.is_archived:
            parts.append(badge("archived", "neutral"))
        return format_html_join(" ", "{}", ((part,) for part in parts))

    @display(description="Model", ordering="model")
    def model_shown(self, agent: Agent) -> str:
        return agent.model or "default"

    @display(description="Tools")
    def tools_count(self, agent: Agent) -> SafeString:
        return format_html('<span title="{}">{}</span>', ", ".join(agent.tools), len(agent.tools))

    @display(description="Edited", ordering="updated_at")
    def edited(self, agent: Agent) -> SafeString | str:
        return ago(agent.updated_at)

    # --- the form ---------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        tools, guardrails = (
            ("tools", "guardrails")
            if self._writes(request)
            else ("tools_shown", "guardrails_shown")
        )
        return (
            ("Identity", {"fields": (("name", "slug"), "description")}),
            ("Instructions", {"fields": ("instructions",)}),
            ("Model", {"fields": ("model", ("temperature", "max_output_tokens"))}),
            ("Tools", {"fields": (tools, *self._grants(request, obj))}),
            (
                "Guardrails",
                {
                    "fields": (guardrails,),
                    "description": "Beside those of the tenant, which hold for every agent.",
                },
            ),
            (
                "Limits",
                {
                    "fields": (
                        ("history_runs", "max_turns"),
                        ("max_tokens", "max_seconds"),
                        "max_cost",
                    ),
                    "description": "What one run may use before it is ended.",
                },
            ),
            ("Who may run it", {"fields": ("run_roles",)}),
        )

    def _grants(self, request: HttpRequest, agent: Agent | None) -> tuple[str, ...]:
        if agent is None or not may(request, Scope.GRANTS_READ):
            return ()
        return ("grants_written" if may(request, Scope.GRANTS_WRITE) else "grants_shown",)

    def _writes(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        fixed = ["tools_shown", "guardrails_shown", "grants_shown", "grants_written"]
        if obj is not None and obj.published_id:
            fixed.append("slug")
        return fixed

    def get_prepopulated_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        return {"slug": ("name",)} if obj is None else {}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "run_roles":
            kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @display(description="Tools")
    def tools_shown(self, agent: Agent) -> str:
        return ", ".join(agent.tools) or "none"

    @display(description="Guardrails")
    def guardrails_shown(self, agent: Agent) -> str:
        return ", ".join(str(one.get("name")) for one in agent.guardrails) or "none"
