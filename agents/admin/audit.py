"""The audit log in the console: looked through, proven and exported, and changed by nobody."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.audit_filters import ActionFilter, AtFilter, ResultFilter, ViaFilter, query_of
from agents.admin.pages import console_page, found, list_url, to
from agents.admin.paging import InfinitePaginator, among_latest
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from agents.services.differences import value_differences
from approvals.audit.export import TYPES, export_response, tell_export
from approvals.audit.find import seals_of
from approvals.audit.models import AuditEntry
from approvals.audit.verify import verify
from config.errors import Invalid
from tenants.accounts.scopes import Scope

TONES = {"ok": "success", "refused": "warning", "failed": "danger"}


@admin.register(AuditEntry, site=tenant_site)
@admin.register(AuditEntry, site=platform_site)
class AuditAdmin(ScopedAdmin):
    view_scope = Scope.AUDIT_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "policy"
    empty_title = "Nothing on record here"
    empty_text = (
        "Sign-ins, changes of configuration, runs and decisions are written as they happen."
    )
    list_before_template = "admin/console/audit_verbs.html"

    list_display = ("when", "action_shown", "who", "target_shown", "result_shown", "address_shown")
    list_display_links = ("action_shown",)
    list_filter = (ActionFilter, ResultFilter, ViaFilter, ("at", AtFilter))
    search_fields = ("actor_name",)
    search_help_text = "Id of a run or trace, of an entry or a target, or a name among the latest"
    sortable_by = ()
    ordering = ("-id",)
    # It grows without bound: no page of it may count.
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0

    # --- the list ---------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            known = UUID(term)
        except ValueError:
            return self._by_words(queryset, term), False
        by_id = Q(run_id=known) | Q(trace_id=known.hex) | Q(target_id=str(known))
        return queryset.filter(by_id), False

    def _by_words(self, queryset: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
        like = (
            Q(actor_name__icontains=term)
            | Q(target_name__icontains=term)
            | Q(action__icontains=term)
            | Q(address=term)
        )
        if term.isdecimal() and len(term) < 19:
            like |= Q(pk=int(term)) | Q(target_id=term)
        return among_latest(queryset).filter(like)

    @display(description="When")
    def when(self, entry: AuditEntry) -> SafeString | str:
        return ago(entry.at)

    @display(description="Action")
    def action_shown(self, entry: AuditEntry) -> SafeString:
        return format_html("<code>{}</code>", entry.action)

    @display(description="By")
    def who(self, entry: AuditEntry) -> SafeString:
        return format_html(
            '<span class="cx-two"><span class="cx-clip">{}</span><small>{}</small></span>',
            entry.actor_name or "—",
            entry.get_via_display(),
        )

    @display(description="On")
    def target_shown(self, entry: AuditEntry) -> SafeString:
        return format_html(
            '<span class="cx-two"><span class="cx-clip">{}</span><small>{}</small></span>',
            entry.target_name or "—",
            entry.target_type,
        )

    @display(description="Result")
    def result_shown(self, entry: AuditEntry) -> SafeString:
        return badge(entry.get_result_display(), TONES.get(entry.result, "neutral"))

    @display(description="From")
    def address_shown(self, entry: AuditEntry) -> str:
        return entry.address or "—"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        exports = [
            (form, f"{reverse('admin:approvals_auditentry_export')}?{_with(request, form)}")
            for form in TYPES
        ]
        return super().changelist_view(request, {"exports": exports, **(extra_context or {})})

    # --- pages ------------------------------------------------------------------------------------

    def extra_pages(self) -> Any:
        return (("verify/", "verify", self.verify), ("export/", "export", self.export))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        entry = found(self, request, object_id)
        context = {
            "title": entry.action,
            "original": entry,
            "entry": entry,
            "badge": badge(entry.get_result_display(), TONES.get(entry.result, "neutral")),
            "changes": value_differences(entry.before, entry.after),
            "detail": value_differences(None, entry.detail),
            "seal": seals_of([entry]).get(entry.pk),
            "may_see_runs": may(request, Scope.RUNS_READ_ALL),
            "may_see_members": may(request, Scope.MEMBERS_READ),
        }
        return console_page(self, request, "admin/console/audit_entry.html", context)

    @scoped(Scope.AUDIT_READ)
    def verify(self, request: HttpRequest) -> HttpResponse:
        """Prove the chain now: asked for with a POST, because it reads the whole log."""
        context = {
            "title": "Prove the audit log",
            "report": verify() if request.method == "POST" else None,
            "back": list_url(AuditEntry),
        }
        return console_page(self, request, "admin/console/audit_verify.html", context)

    @scoped(Scope.AUDIT_READ)
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list's filters show as a file, sent as it is read."""
        form = request.GET.get("format", "jsonl")
        try:
            query = query_of(request.GET)
        except (Invalid, ValueError):
            return to(list_url(AuditEntry))
        until = tell_export(query, "csv" if form == "csv" else "jsonl")
        return export_response(query, "csv" if form == "csv" else "jsonl", until)


def _with(request: HttpRequest, form: str) -> str:
    asked = request.GET.copy()
    asked["format"] = form
    return asked.urlencode()
