"""Revisions: what was published, by whom and when. Nobody edits them, the database refuses it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import display

from agents.admin.pages import attempt, change_url, console_page, found, log_change, to
from agents.admin.revision_kinds import is_published, kind_of
from agents.admin.run_form import given_input, input_form
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.models import Revision
from agents.services.start_from_thread import start_from_thread
from agents.services.start_run import StartRun
from agents.web.partners import chat_url
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
    empty_text = "Publishing a component makes a revision: what its runs use, for good."

    list_display = ("revision", "live", "digest_short", "note", "author_shown", "published_shown")
    list_display_links = ("revision",)
    list_filter = (("slug", FieldTextFilter),)
    search_fields = ("slug", "note", "digest")
    search_help_text = "Slug, note or digest"
    list_select_related = ("author",)
    ordering = ("-published_at", "-number")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).annotate(is_live=is_published())

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
        kind = kind_of(revision)
        draft = kind.row(revision.slug)
        published = draft.published if draft is not None else None
        context = {
            "title": str(revision),
            "original": revision,
            "revision": revision,
            "other": other,
            "others": others.only("number", "note")[:_OFFERED],
            "changes": kind.changes(other.spec, revision.spec) if other else [],
            "spec": json.dumps(revision.spec, indent=2, ensure_ascii=False),
            "drawing": kind.drawing(revision.spec),
            "draft_url": change_url(draft) if draft is not None else "",
            "may_go_back": may(request, Scope.AGENTS_PUBLISH)
            and kind.go_back is not None
            and published is not None
            and published.digest != revision.digest,
            "may_try": may(request, Scope.AGENTS_RUN) and draft is not None and kind.is_run,
            "try_form": input_form(revision),
            "may_read_runs": may(request, Scope.RUNS_READ_ALL) and kind.is_run,
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
        kind = kind_of(revision)
        draft = kind.row(revision.slug)
        if draft is None or kind.go_back is None:
            raise Http404("There is nothing to go back with.")
        if request.method == "POST" and attempt(request, lambda: _go_back(request, revision)):
            return to(change_url(draft))
        published = draft.published
        context = {
            "title": f"Go back to {revision}",
            "original": revision,
            "revision": revision,
            "changes": kind.changes(published.spec if published else None, revision.spec),
            "is_run": kind.is_run,
        }
        return console_page(self, request, "admin/console/go_back.html", context)

    @scoped(Scope.AGENTS_RUN)
    def try_it(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Start one run of this very revision, whatever is published, and show it."""
        revision = found(self, request, str(object_id))
        back = change_url(revision)
        if request.method != "POST" or not kind_of(revision).is_run:
            return to(back)
        try:
            asked = StartRun(
                kind=revision.kind,
                slug=revision.slug,
                input=given_input(revision, request.POST),
                revision=revision.number,
            )
            started = start_from_thread(of_member(request.user), asked)
        except Problem as problem:
            messages.error(request, problem.detail)
            return to(back)
        if revision.kind == "workflow" and not may(request, Scope.RUNS_READ_ALL):
            return to(reverse("web:workflow-run", args=[revision.slug, started.run.id]))
        if not may(request, Scope.RUNS_READ_ALL):
            return to(chat_url(revision.kind, revision.slug, started.run.session_id))
        return to(reverse("admin:agents_run_change", args=[started.run.id]))


def _chosen(request: HttpRequest, others: QuerySet[Revision]) -> Revision | None:
    number = request.GET.get("against", "")
    return others.filter(number=int(number)).first() if number.isdecimal() else None


def _go_back(request: HttpRequest, revision: Revision) -> str:
    note = " ".join(request.POST.get("note", "").split())
    draft_too = request.POST.get("draft") == "yes"
    kind = kind_of(revision)
    assert kind.go_back is not None
    made = kind.go_back(request.user, revision.slug, revision.number, note, draft_too=draft_too)
    draft = kind.row(revision.slug)
    used = ": new runs use it" if kind.is_run else ""
    log_change(request, draft, f"Back to r{revision.number}, published as r{made.number}. {note}")
    return f"{draft} is back to r{revision.number}, published as r{made.number}{used}."
