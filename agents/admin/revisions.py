"""Revisions: what was published, by whom and when. Nobody edits them, the database refuses it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import display

from agents.admin.differences import differences
from agents.admin.pages import console_page, found
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.models import Agent, Revision
from agents.specs import AgentSpec
from tenants.accounts.scopes import Scope


@admin.register(Revision, site=tenant_site)
class RevisionAdmin(ScopedAdmin):
    view_scope = Scope.AGENTS_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "history"
    empty_title = "Nothing published yet"
    empty_text = "Publishing an agent makes a revision: what its runs use, for good."

    list_display = ("revision", "live", "digest_short", "note", "author_shown", "published_shown")
    list_display_links = ("revision",)
    list_filter = (("slug", FieldTextFilter),)
    search_fields = ("slug", "note", "digest")
    search_help_text = "Slug, note or digest"
    list_select_related = ("author",)
    ordering = ("-published_at", "-number")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        published = Agent.objects.filter(published=OuterRef("pk"))
        return super().get_queryset(request).annotate(is_live=Exists(published))

    @display(description="Revision", ordering="slug")
    def revision(self, row: Revision) -> SafeString:
        return format_html("<strong>{}</strong> r{}", row.slug, row.number)

    @display(description="In use")
    def live(self, row: Any) -> SafeString | str:
        return badge("published", "success") if row.is_live else ""

    @display(description="Digest")
    def digest_short(self, row: Revision) -> SafeString:
        return format_html('<code title="{}">{}</code>', row.digest, row.digest[:12])

    @display(description="By")
    def author_shown(self, row: Revision) -> str:
        return str(row.author) if row.author else "the installation"

    @display(description="When", ordering="published_at")
    def published_shown(self, row: Revision) -> SafeString | str:
        return ago(row.published_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        revision = found(self, request, object_id)
        earlier = Revision.objects.filter(
            kind=revision.kind, slug=revision.slug, number__lt=revision.number
        ).first()
        before = AgentSpec.model_validate(earlier.spec) if earlier else None
        context = {
            "title": str(revision),
            "original": revision,
            "revision": revision,
            "earlier": earlier,
            "changes": differences(before, AgentSpec.model_validate(revision.spec))
            if earlier
            else [],
            "spec": json.dumps(revision.spec, indent=2, ensure_ascii=False),
            "agent": Agent.objects.filter(slug=revision.slug).first(),
        }
        return console_page(self, request, "admin/console/revision.html", context)
