"""Teams: a leader and ordered members, edited here as a draft and published like an agent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.component_pages import ComponentPages
from agents.admin.publishing import TEAMS
from agents.admin.scoped import ScopedAdmin, ScopedStackedInline
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.admin.team_form import TeamForm, TeamMemberForm
from agents.models import Agent, Team, TeamMember
from agents.services.publish_team import has_changes
from tenants.accounts.scopes import Scope


class TeamMemberInline(ScopedStackedInline):
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_WRITE
    change_scope = Scope.AGENTS_WRITE
    delete_scope = Scope.AGENTS_WRITE

    model = TeamMember
    fk_name = "team"
    form = TeamMemberForm
    fieldsets = (
        (None, {"fields": (("agent", "nested"), "position")}),
        (
            "Limits and contract",
            {
                "fields": (
                    ("max_seconds", "max_tokens"),
                    "max_cost",
                    "fallback",
                    ("input_schema", "output_schema"),
                ),
                "classes": ("collapse",),
            },
        ),
    )
    extra = 1
    verbose_name = "member"
    verbose_name_plural = "Members, in their order"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        offered: Any = {"agent": Agent, "nested": Team}.get(db_field.name)
        if offered is not None:
            kwargs["queryset"] = offered.objects.filter(is_archived=False).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _has_stages(team: Team) -> bool:
    return any(
        value is not None for value in (team.stage_seconds, team.stage_tokens, team.stage_cost)
    )


@admin.register(Team, site=tenant_site)
class TeamAdmin(ComponentPages, ScopedAdmin):
    publishing = TEAMS
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_WRITE
    change_scope = Scope.AGENTS_WRITE
    delete_scope = Scope.AGENTS_WRITE

    empty_icon = "groups"
    empty_title = "No team yet"
    empty_text = "A leader with agents that it gives work to. Name its members, then publish it."

    form = TeamForm
    inlines = (TeamMemberInline,)
    list_display = ("title", "state", "mode_shown", "members_shown", "edited")
    list_filter = ("mode", ("is_archived", admin.BooleanFieldListFilter))
    search_fields = ("name", "slug", "description")
    search_help_text = "Name, slug or description"
    list_select_related = ("published",)
    ordering = ("is_archived", "name")
    actions_detail = ("publish", "try_it", "revisions", "archive", "unarchive")
    actions_submit_line = ("save_and_publish",)

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        rows = super().get_queryset(request)
        return rows.prefetch_related("run_roles", "members__agent", "members__nested")

    @display(description="Team", ordering="name")
    def title(self, team: Team) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            team.name,
            team.slug,
        )

    @display(description="State")
    def state(self, team: Team) -> SafeString:
        parts: list[Any] = []
        if team.published is None:
            parts.append(badge("draft", "neutral"))
        else:
            parts.append(badge(f"r{team.published.number}", "success"))
            if has_changes(team):
                parts.append(badge("unpublished changes", "warning"))
        if team.is_archived:
            parts.append(badge("archived", "neutral"))
        return format_html_join(" ", "{}", ((part,) for part in parts))

    @display(description="Mode", ordering="mode")
    def mode_shown(self, team: Team) -> str:
        return team.get_mode_display().partition(":")[0]

    @display(description="Members")
    def members_shown(self, team: Team) -> str:
        return ", ".join(str(one) for one in team.members.all()) or "none"

    @display(description="Edited", ordering="updated_at")
    def edited(self, team: Team) -> SafeString | str:
        return ago(team.updated_at)

    # --- the form ---------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Team | None = None) -> Any:
        return (
            ("Identity", {"fields": (("name", "slug"), "description")}),
            ("How it works", {"fields": ("mode", "at_once")}),
            ("The leader", {"fields": ("instructions", "model")}),
            (
                "Of a team that plans",
                {
                    "fields": (
                        "rules",
                        "verifier",
                        ("rounds", "rejections"),
                        "most_steps",
                        "review_roles",
                    ),
                    "classes": () if obj is not None and obj.mode == "plan" else ("collapse",),
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
                    "description": "What one run may use with all its members before it is ended.",
                },
            ),
            (
                "Limits of a stage",
                {
                    "fields": (("stage_seconds", "stage_tokens"), "stage_cost"),
                    "description": "What one step of a plan or one task may use with all its "
                    "tries, else one delegation. Empty: what the run has left. Whoever passes it "
                    "is stopped, and the declared fallback asked.",
                    "classes": () if obj is not None and _has_stages(obj) else ("collapse",),
                },
            ),
            ("Who may run it", {"fields": ("run_roles",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> Any:
        return ("slug",) if obj is not None and obj.published_id else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Team | None = None) -> Any:
        return {"slug": ("name",)} if obj is None else {}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "run_roles":
            kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)
