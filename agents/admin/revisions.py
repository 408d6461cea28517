"""Revisions: what was published, by whom and when. Nobody edits them, the database refuses it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import display

from agents.admin.pages import attempt, change_url, console_page, found, log_change, to
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.models import Agent, Revision
from agents.runtime.bridge import NoLoop, call_on_loop
from agents.services.differences import differences
from agents.services.roll_back import roll_back
from agents.services.start_run import StartRun, start_run
from agents.specs import AgentSpec
from config.errors import Problem
from tenants.accounts.principal import of_member
from tenants.accounts.scopes import Scope

_OFFERED = 200  # earlier and later revisions to compare with


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
        others = Revision.objects.filter(kind=revision.kind, slug=revision.slug)
        others = others.exclude(pk=revision.pk)
        other = _chosen(request, others) or others.filter(number__lt=revision.number).first()
        agent = Agent.objects.select_related("published").filter(slug=revision.slug).first()
        before = AgentSpec.model_validate(other.spec) if other else None
        published = agent.published if agent is not None else None
        context = {
            "title": str(revision),
            "original": revision,
            "revision": revision,
            "other": other,
            "others": others.only("number", "note")[:_OFFERED],
            "changes": differences(before, AgentSpec.model_validate(revision.spec))
            if other
            else [],
            "spec": json.dumps(revision.spec, indent=2, ensure_ascii=False),
            "agent": agent,
            "may_go_back": may(request, Scope.AGENTS_PUBLISH)
            and published is not None
            and published.digest != revision.digest,
            "may_try": may(request, Scope.AGENTS_RUN) and agent is not None,
            "may_read_runs": may(request, Scope.RUNS_READ_ALL),
        }
        return console_page(self, request, "admin/console/revision.html", context)

    def extra_pages(self) -> Any:
        return (
            ("<int:object_id>/back/", "back", self.go_back),
            ("<int:object_id>/try/", "try", self.try_it),
        )

    @scoped(Scope.AGENTS_PUBLISH)
    def go_back(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Publish this revision's spec again, after a look at what that changes."""
        revision = found(self, request, str(object_id))
        agent = get_object_or_404(Agent.objects.select_related("published"), slug=revision.slug)
        if request.method == "POST" and attempt(request, lambda: _go_back(request, revision)):
            return to(change_url(agent))
        published = agent.published
        now = AgentSpec.model_validate(published.spec) if published else None
        context = {
            "title": f"Go back to {revision}",
            "original": revision,
            "revision": revision,
            "agent": agent,
            "changes": differences(now, AgentSpec.model_validate(revision.spec)),
        }
        return console_page(self, request, "admin/console/go_back.html", context)

    @scoped(Scope.AGENTS_RUN)
    def try_it(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Start one run of this very revision, whatever is published, and show it."""
        revision = found(self, request, str(object_id))
        back = change_url(revision)
        if request.method != "POST":
            return to(back)
        asked = StartRun(
            slug=revision.slug, input=request.POST.get("input", ""), revision=revision.number
        )
        try:
            started = call_on_loop(start_run, of_member(request.user), asked)
        except Problem as problem:
            messages.error(request, problem.detail)
            return to(back)
        except (NoLoop, TimeoutError):
            messages.error(request, "No run could be started just now: try again.")
            return to(back)
        if not may(request, Scope.RUNS_READ_ALL):
            return to(f"/chat/{revision.slug}/{started.run.session_id}/")
        return to(reverse("admin:agents_run_change", args=[started.run.id]))


def _chosen(request: HttpRequest, others: QuerySet[Revision]) -> Revision | None:
    number = request.GET.get("against", "")
    return others.filter(number=int(number)).first() if number.isdecimal() else None


def _go_back(request: HttpRequest, revision: Revision) -> str:
    note = " ".join(request.POST.get("note", "").split())
    draft_too = request.POST.get("draft") == "yes"
    made = roll_back(request.user, revision.slug, revision.number, note, draft_too=draft_too)  # type: ignore[arg-type]
    agent = Agent.objects.get(slug=revision.slug)
    log_change(request, agent, f"Back to r{revision.number}, published as r{made.number}. {note}")
    return f"{agent} is back to r{revision.number}, published as r{made.number}: new runs use it."
