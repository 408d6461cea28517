"""The fleet: live runs of every tenant as their tickets show them, and who carries them.

Read only: cancelling is the tenant's.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Case, Count, IntegerField, Min, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter, FieldTextFilter
from unfold.decorators import display

from agents.admin.paging import InfinitePaginator
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, badge, duration
from agents.tickets.models import Executor, Ticket
from tenants.accounts.scopes import Scope

_DEEPEST = 12


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


def process(owner: str) -> SafeString:
    """The machine and process of an owner, its whole name on hover."""
    parts = owner.split("/")
    shown = f"{parts[0]} · process {parts[2]}" if len(parts) > 2 else owner
    return format_html('<span title="{}">{}</span>', owner, shown)


def queue_depths() -> list[dict[str, Any]]:
    """The tenants with most runs waiting: how many, and since when the oldest waits."""
    rows = (
        Ticket.objects.filter(owner="")
        .order_by()
        .values("schema")
        .annotate(number=Count("pk"), oldest=Min("created_at"))
        .order_by("-number", "schema")[:_DEEPEST]
    )
    return [{**row, "since": ago(row["oldest"])} for row in rows]


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
    list_before_template = "admin/console/waiting.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        waiting = queue_depths() if self.has_view_permission(request) else []
        return super().changelist_view(request, {"waiting": waiting, **(extra_context or {})})

    @display(description="Run")
    def run(self, ticket: Ticket) -> SafeString:
        return format_html("<code>{}</code>", ticket.run_id)

    @display(description="Held by")
    def held(self, ticket: Ticket) -> SafeString | str:
        if not ticket.owner:
            return badge("waiting", "neutral", pulse=True)
        return process(ticket.owner)

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


@admin.register(Executor, site=platform_site)
class ExecutorAdmin(ScopedAdmin):
    view_scope = Scope.PLATFORM_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "memory"
    empty_title = "No executor is there"
    empty_text = "Web processes and executors are shown here from their start to their end."

    list_display = ("process", "kind", "state", "load", "started", "seen")
    list_display_links = None
    list_filter = ("kind",)
    search_fields = ("owner",)
    search_help_text = "Machine or process"
    sortable_by = ()
    ordering = ("host", "started_at")
    list_max_show_all = 0
    list_before_template = "admin/console/refreshing.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Executor]:
        """With the runs held by each: counted once for all, over what is held."""
        held = Ticket.objects.exclude(owner="").order_by().values_list("owner")
        counted = [
            When(owner=owner, then=Value(number)) for owner, number in held.annotate(Count("pk"))
        ]
        return (
            super()
            .get_queryset(request)
            .annotate(held=Case(*counted, default=Value(0), output_field=IntegerField()))
        )

    @display(description="Process")
    def process(self, executor: Executor) -> SafeString:
        return process(executor.owner)

    @display(description="State")
    def state(self, executor: Executor) -> SafeString:
        silent = (timezone.now() - executor.seen_at).total_seconds()
        if silent > settings.LEASE_SECONDS:
            return badge("not heard of", "danger")
        if executor.draining:
            return badge("draining", "warning", pulse=True)
        if not executor.capacity:
            return badge("holds no runs", "neutral")
        return badge("working" if executor.held else "idle", "success")

    @display(description="Runs held")
    def load(self, executor: Executor) -> str:
        return f"{executor.held} of {executor.capacity}"

    @display(description="Since")
    def started(self, executor: Executor) -> SafeString | str:
        return ago(executor.started_at)

    @display(description="Last heard of")
    def seen(self, executor: Executor) -> SafeString | str:
        return ago(executor.seen_at)
