"""Agents: the draft is edited here, published into a revision, archived instead of deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from agents.admin.agent_form import AgentForm
from agents.admin.agent_grants import GrantsOfAgent
from agents.admin.pages import Confirm, change_url, confirm_page, found, list_url, log_change, to
from agents.admin.publishing import PublishingPages
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.models import Agent
from agents.services.publish_agent import has_changes
from tenants.accounts.scopes import Scope


@admin.register(Agent, site=tenant_site)
class AgentAdmin(GrantsOfAgent, PublishingPages, ScopedAdmin):
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
                    "fields": (("history_runs", "max_turns"), ("max_tokens", "max_seconds")),
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

    # --- publish, try, archive --------------------------------------------------------------------

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        agent = self.get_object(request, str(object_id))
        if agent is None:
            return False
        if action in ("try_it", "revisions"):
            return agent.published_id is not None and not (action == "try_it" and agent.is_archived)
        if action in ("archive", "unarchive"):
            return bool(agent.is_archived) == (action == "unarchive")
        return not agent.is_archived

    @scoped(
        Scope.AGENTS_PUBLISH,
        description="Publish…",
        icon="rocket_launch",
        variant=ActionVariant.PRIMARY,
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.publish_page(request, found(self, request, object_id))

    @scoped(Scope.AGENTS_RUN, description="Try it", icon="chat", url_path="try")
    def try_it(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        return to(f"/chat/{found(self, request, object_id).slug}/")

    @scoped(Scope.AGENTS_READ, description="Revisions", icon="history")
    def revisions(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        slug = found(self, request, object_id).slug
        return to(reverse("admin:agents_revision_changelist") + f"?slug={slug}")

    @scoped(Scope.AGENTS_PUBLISH, description="Save and publish…")
    def save_and_publish(self, request: HttpRequest, agent: Agent) -> None:
        request.publish_next = True  # type: ignore[attr-defined]

    def response_change(self, request: HttpRequest, obj: Agent) -> HttpResponse:
        if getattr(request, "publish_next", False):
            return to(reverse("admin:agents_agent_publish", args=[obj.pk]))
        return super().response_change(request, obj)

    @scoped(Scope.AGENTS_WRITE, description="Archive", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, True)

    @scoped(Scope.AGENTS_WRITE, description="Bring back", icon="unarchive")
    def unarchive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, False)

    def _set_archived(self, request: HttpRequest, object_id: str, archived: bool) -> HttpResponse:
        agent = found(self, request, object_id)
        if request.method != "POST":
            text = (
                "Nobody can start a run of it while it is archived. Its sessions, runs and "
                "revisions stay, and you can bring it back."
                if archived
                else "Members whose roles allow it can run it again, as it was last published."
            )
            verb = "Archive" if archived else "Bring back"
            asked = Confirm(f"{verb} {agent.name}?", text, verb, archived, back=change_url(agent))
            return confirm_page(self, request, asked, agent)
        agent.is_archived = archived
        agent.save(update_fields=["is_archived", "updated_at"])
        log_change(request, agent, "Archived." if archived else "Brought back.")
        messages.success(request, f"{agent.name} is {'archived' if archived else 'back'}.")
        return to(change_url(agent))

    # --- deleting: drafts alone -------------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.published_id is None)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        agent = self.get_object(request, object_id)
        if agent is not None and agent.published_id and super().has_delete_permission(request):
            messages.error(
                request,
                f"{agent.name} has been published, so its runs and revisions must stay. "
                "Archive it instead: nobody can run it then.",
            )
            return to(change_url(agent))
        return super().delete_view(request, object_id, extra_context)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        messages.success(request, f"The draft {obj_display} is deleted.")
        return to(list_url(Agent))
