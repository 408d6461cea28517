"""Live runs of every tenant, as their tickets show them. Read only: cancelling is the tenant's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, FieldTextFilter
from unfold.decorators import display

from agents.admin.paging import InfinitePaginator
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, badge, duration
from agents.tickets.models import Ticket
from tenants.accounts.scopes import Scope


class OwnershipFilter(DropdownFilter):
    title = "ownership"
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("held", "Held by a process"), ("waiting", "Waiting"), ("lost", "Lease ran out")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        lost = Q(lease_until__lt=Now())
        return {
            "held": queryset.exclude(owner="").exclude(lost),
            "waiting": queryset.filter(owner=""),
            "lost": queryset.exclude(owner="").filter(lost),
        }.get(self.value() or "", queryset)


@admin.register(Ticket, site=platform_site)
class TicketAdmin(ScopedAdmin):
    view_scope = Scope.PLATFORM_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "bedtime"
    empty_title = "No run is live"
    empty_text = "Every run of every tenant that isn't finished is shown here while it lasts."

    list_display = ("run", "schema", "slug", "member_id", "held", "lease", "age")
    list_display_links = None
    list_filter = (("schema", FieldTextFilter), OwnershipFilter)
    search_fields = ("schema", "slug", "owner")
    search_help_text = "Tenant, agent or process"
    sortable_by = ()
    ordering = ("-created_at",)
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0
    list_before_template = "admin/console/refreshing.html"

    @display(description="Run")
    def run(self, ticket: Ticket) -> SafeString:
        return format_html("<code>{}</code>", ticket.run_id)

    @display(description="Held by")
    def held(self, ticket: Ticket) -> SafeString | str:
        parts = ticket.owner.split("/")
        if not ticket.owner:
            return badge("waiting", "neutral", pulse=True)
        shown = f"{parts[0]} · process {parts[2]}" if len(parts) > 2 else ticket.owner
        return format_html('<span title="{}">{}</span>', ticket.owner, shown)

    @display(description="Lease left")
    def lease(self, ticket: Ticket) -> SafeString | str:
        if ticket.cancel_requested:
            return badge("cancelling", "warning", pulse=True)
        if ticket.lease_until is None:
            return "—"
        left = (ticket.lease_until - timezone.now()).total_seconds()
        return duration(left) if left > 0 else badge("ran out", "danger")

    @display(description="Live since")
    def age(self, ticket: Ticket) -> SafeString | str:
        return ago(ticket.created_at)
