"""Workflows: the draft is edited here as YAML, seen as a graph, published into a revision."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.enums import ActionVariant

from agents.admin.draft_deletion import DraftDeletion
from agents.admin.pages import Confirm, change_url, confirm_page, found, log_change, to
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.admin.workflow_form import WorkflowForm
from agents.admin.workflow_import import WorkflowImport
from agents.admin.workflow_publishing import WorkflowPublishing
from agents.services.publish_workflow import differs, workflow_spec
from agents.workflows.models import Workflow, node_count
from agents.workflows.preview import preview
from agents.workflows.writing import graph_yaml, to_yaml
from tenants.accounts.scopes import Scope


@admin.register(Workflow, site=tenant_site)
class WorkflowAdmin(DraftDeletion, WorkflowImport, WorkflowPublishing, ScopedAdmin):
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_WRITE
    change_scope = Scope.AGENTS_WRITE
    delete_scope = Scope.AGENTS_WRITE

    empty_icon = "account_tree"
    empty_title = "No workflow yet"
    empty_text = "A workflow is a graph of agents, tools and people. Write one, then publish it."

    class Media:
        css = {"all": ("console/workflow.css",)}
        js = ("console/workflow-graph.js",)

    form = WorkflowForm
    list_display = ("title", "state", "nodes_count", "edited")
    list_filter = (("is_archived", admin.BooleanFieldListFilter),)
    search_fields = ("name", "slug", "description")
    search_help_text = "Name, slug or description"
    list_select_related = ("published",)
    ordering = ("is_archived", "name")
    actions_list = ("import_file",)
    actions_detail = ("publish", "export", "revisions", "archive", "unarchive")
    actions_submit_line = ("save_and_publish",)

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        return super().get_queryset(request).prefetch_related("run_roles")

    @display(description="Workflow", ordering="name")
    def title(self, workflow: Workflow) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            workflow.name,
            workflow.slug,
        )

    @display(description="Published")
    def state(self, workflow: Workflow) -> SafeString:
        parts = []
        if workflow.published is None:
            parts.append(badge("draft", "neutral"))
        else:
            parts.append(badge(f"r{workflow.published.number}", "success"))
            if differs(workflow):
                parts.append(badge("unpublished changes", "warning"))
        if workflow.is_archived:
            parts.append(badge("archived", "neutral"))
        return format_html_join(" ", "{}", ((part,) for part in parts))

    @display(description="Nodes")
    def nodes_count(self, workflow: Workflow) -> int:
        return node_count(workflow.graph)

    @display(description="Edited", ordering="updated_at")
    def edited(self, workflow: Workflow) -> SafeString | str:
        return ago(workflow.updated_at)

    # --- the form ---------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        writes = self.has_change_permission(request)
        return (
            ("Identity", {"fields": (("name", "slug"), "description")}),
            ("Definition", {"fields": ("graph",) if writes else ("graph_shown", "graph_text")}),
            ("Who may run it", {"fields": ("run_roles",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        published = obj is not None and obj.published_id
        return ("graph_shown", "graph_text", *(("slug",) if published else ()))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Workflow | None = None) -> Any:
        return {"slug": ("name",)} if obj is None else {}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "run_roles":
            kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @display(description="Graph")
    def graph_shown(self, workflow: Workflow) -> SafeString:
        seen = preview(graph_yaml(workflow.graph), workflow.slug, buttons=False)
        return render_to_string("admin/console/workflow_graph.html", {"drawing": seen.drawing})

    @display(description="As YAML")
    def graph_text(self, workflow: Workflow) -> SafeString:
        return format_html('<pre class="cx-pre" tabindex="0">{}</pre>', graph_yaml(workflow.graph))

    # --- preview, publish, export, archive --------------------------------------------------------

    def extra_pages(self) -> Any:
        return (("preview/", "preview", self.preview_draft),)

    @scoped(Scope.AGENTS_WRITE)
    def preview_draft(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with a text that is being written, and its drawing."""
        return _previewed(request)

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        workflow = self.get_object(request, str(object_id))
        if workflow is None:
            return False
        if action == "revisions":
            return workflow.published_id is not None
        if action in ("archive", "unarchive"):
            return bool(workflow.is_archived) == (action == "unarchive")
        return action == "export" or not workflow.is_archived

    @scoped(
        Scope.AGENTS_PUBLISH,
        description="Publish…",
        icon="rocket_launch",
        variant=ActionVariant.PRIMARY,
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.publish_page(request, found(self, request, object_id))

    @scoped(Scope.AGENTS_READ, description="Export as YAML", icon="download")
    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        workflow = found(self, request, object_id)
        answer = HttpResponse(to_yaml(workflow_spec(workflow)), content_type="application/yaml")
        answer["Content-Disposition"] = f'attachment; filename="{workflow.slug}.yaml"'
        return answer

    @scoped(Scope.AGENTS_READ, description="Revisions", icon="history")
    def revisions(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        slug = found(self, request, object_id).slug
        return to(reverse("admin:agents_revision_changelist") + f"?slug={slug}")

    @scoped(Scope.AGENTS_PUBLISH, description="Save and publish…")
    def save_and_publish(self, request: HttpRequest, workflow: Workflow) -> None:
        request.publish_next = True  # type: ignore[attr-defined]

    def response_change(self, request: HttpRequest, obj: Workflow) -> HttpResponse:
        if getattr(request, "publish_next", False):
            return to(reverse("admin:workflows_workflow_publish", args=[obj.pk]))
        return super().response_change(request, obj)

    @scoped(Scope.AGENTS_WRITE, description="Archive", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, True)

    @scoped(Scope.AGENTS_WRITE, description="Bring back", icon="unarchive")
    def unarchive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_archived(request, object_id, False)

    def _set_archived(self, request: HttpRequest, object_id: str, archived: bool) -> HttpResponse:
        workflow = found(self, request, object_id)
        if request.method != "POST":
            text = (
                "No other workflow that contains it can be published while it is archived. Its "
                "revisions stay, and you can bring it back."
                if archived
                else "Other workflows may contain it again, as it was last published."
            )
            verb = "Archive" if archived else "Bring back"
            asked = Confirm(
                f"{verb} {workflow.name}?", text, verb, archived, back=change_url(workflow)
            )
            return confirm_page(self, request, asked, workflow)
        workflow.is_archived = archived
        workflow.save(update_fields=["is_archived", "updated_at"])
        log_change(request, workflow, "Archived." if archived else "Brought back.")
        messages.success(request, f"{workflow.name} is {'archived' if archived else 'back'}.")
        return to(change_url(workflow))


@require_POST
def _previewed(request: HttpRequest) -> HttpResponse:
    text = request.POST.get("text", "").replace("\r\n", "\n")
    return JsonResponse(preview(text, request.POST.get("slug", "")).as_json())
