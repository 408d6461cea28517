"""The service desk's tables, to be looked at: what the tools work on, and what they left behind."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from agents.admin.day_filter import DayFilter
from agents.admin.paging import InfinitePaginator
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, as_text, badge
from agents.admin.site import tenant_site
from agents.desk.models import (
    AccountDeletion,
    Credit,
    Customer,
    CustomerExport,
    Order,
    Refund,
    Report,
    Restart,
    Service,
    SupportTicket,
)
from agents.models import Run
from tenants.accounts.scopes import Scope

SERVICE_TONE = {"healthy": "success", "degraded": "warning", "down": "danger"}
PRIORITY_TONE = {"low": "neutral", "normal": "info", "high": "warning", "urgent": "danger"}


class DeskAdmin(ScopedAdmin):
    """Read only: the tools alone write here, so that everything has a run behind it."""

    view_scope = Scope.DESK_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "support_agent"
    empty_text = "The service desk's tools write here; the catalogue's agents have them."
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0
    sortable_by = ()


class EntryAdmin(DeskAdmin):
    """Rows that tool calls left, newest first, each with its run."""

    list_filter: tuple[Any, ...] = (("at", DayFilter),)
    list_select_related: tuple[str, ...] = ("member",)
    ordering = ("-id",)
    closing = ("member", "when", "of_run")
    shown: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.shown, *self.closing)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.get_fields(request, obj)

    @display(description="When")
    def when(self, row: Any) -> SafeString | str:
        return ago(row.at)

    @display(description="Run")
    def of_run(self, row: Any) -> SafeString | str:
        if not Run.objects.filter(pk=row.run_id).exists():
            return f"{row.run_id} (deleted)"
        link = reverse("admin:agents_run_change", args=[row.run_id])
        return format_html('<a href="{}">{}</a>', link, row.run_id)

    @display(description="Content")
    def content_shown(self, row: Any) -> SafeString:
        return format_html('<pre class="cx-pre">{}</pre>', as_text(row.content))


@admin.register(Service, site=tenant_site)
class ServiceAdmin(DeskAdmin):
    empty_title = "No service here"
    list_display = ("name", "state", "purpose", "latency_ms", "error_percent")
    list_filter = ("status",)
    search_fields = ("name", "purpose")
    search_help_text = "Name or purpose"
    fields = readonly_fields = ("name", "purpose", "state", "latency_ms", "error_percent")

    @display(description="Status")
    def state(self, service: Service) -> SafeString:
        return badge(service.get_status_display(), SERVICE_TONE[service.status])


@admin.register(Restart, site=tenant_site)
class RestartAdmin(EntryAdmin):
    empty_title = "Nothing was restarted"
    list_display = ("service", "status_before", "reason", "member", "when")
    list_filter = ("service", *EntryAdmin.list_filter)
    list_select_related = ("service", "member")
    search_fields = ("service__name", "reason")
    search_help_text = "Service or reason"
    shown = ("service", "status_before", "reason")


@admin.register(SupportTicket, site=tenant_site)
class SupportTicketAdmin(EntryAdmin):
    empty_title = "No support ticket"
    list_display = ("number", "problem_short", "urgency", "member", "when")
    list_display_links = ("number", "problem_short")
    list_filter = ("priority", *EntryAdmin.list_filter)
    search_fields = ("problem", "contact")
    search_help_text = "Words of the problem, or the contact"
    shown = ("number", "problem", "urgency", "contact")

    @display(description="Number")
    def number(self, ticket: SupportTicket) -> int:
        return int(ticket.pk)

    @display(description="Problem")
    def problem_short(self, ticket: SupportTicket) -> SafeString:
        return format_html('<span class="cx-clip">{}</span>', ticket.problem)

    @display(description="Priority")
    def urgency(self, ticket: SupportTicket) -> SafeString:
        return badge(ticket.get_priority_display(), PRIORITY_TONE[ticket.priority])


class AccountFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("deleted", "Deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if self.value() not in ("active", "deleted"):
            return queryset
        return queryset.filter(deleted_at__isnull=self.value() == "active")


@admin.register(Customer, site=tenant_site)
class CustomerAdmin(DeskAdmin):
    empty_title = "No customer here"
    list_display = ("name", "email", "balance_shown", "state")
    list_filter = (AccountFilter, "currency")
    search_fields = ("name", "email")
    search_help_text = "Name or e-mail address"
    fields = readonly_fields = ("name", "email", "balance_shown", "state", "since")

    @display(description="Balance")
    def balance_shown(self, customer: Customer) -> str:
        return f"{customer.balance:,.2f} {customer.currency}"

    @display(description="State")
    def state(self, customer: Customer) -> SafeString:
        if customer.deleted_at is None:
            return badge("active", "success")
        return badge("deleted")

    @display(description="Customer since")
    def since(self, customer: Customer) -> SafeString | str:
        return ago(customer.created_at)


@admin.register(Order, site=tenant_site)
class OrderAdmin(DeskAdmin):
    empty_title = "No order here"
    list_display = ("number", "customer", "item", "amount_shown", "refunded")
    list_filter = ("currency", ("ordered_at", DayFilter))
    list_select_related = ("customer",)
    search_fields = ("number", "customer__name", "customer__email", "item")
    search_help_text = "Number, customer or item"
    fields = readonly_fields = ("number", "customer", "item", "amount_shown", "refunded")

    @display(description="Amount")
    def amount_shown(self, order: Order) -> str:
        return f"{order.amount:,.2f} {order.currency}"


@admin.register(Refund, site=tenant_site)
class RefundAdmin(EntryAdmin):
    empty_title = "Nothing was refunded"
    list_display = ("order", "paid_back", "reason", "member", "when")
    list_select_related = ("order", "member")
    search_fields = ("order__number", "reason")
    search_help_text = "Number of the order, or reason"
    shown = ("order", "paid_back", "reason")

    @display(description="Paid back")
    def paid_back(self, refund: Refund) -> str:
        return f"{refund.amount:,.2f} {refund.order.currency}"


@admin.register(Credit, site=tenant_site)
class CreditAdmin(EntryAdmin):
    empty_title = "Nobody was credited"
    list_display = ("customer", "credited", "reason", "member", "when")
    list_select_related = ("customer", "member")
    search_fields = ("customer__name", "customer__email", "reason")
    search_help_text = "Customer or reason"
    shown = ("customer", "credited", "reason")

    @display(description="Credited")
    def credited(self, credit: Credit) -> str:
        return f"{credit.amount:,.2f} {credit.customer.currency}"


@admin.register(AccountDeletion, site=tenant_site)
class AccountDeletionAdmin(EntryAdmin):
    empty_title = "No account was deleted"
    list_display = ("account", "reason", "member", "when")
    search_fields = ("customer__id", "reason")
    search_help_text = "Number of the account, or reason"
    shown = ("account", "reason")

    @display(description="Account")
    def account(self, row: AccountDeletion) -> int:
        return int(row.customer_id)


@admin.register(CustomerExport, site=tenant_site)
class CustomerExportAdmin(EntryAdmin):
    empty_title = "Nothing was exported"
    list_display = ("customer", "member", "when")
    list_select_related = ("customer", "member")
    search_fields = ("customer__name", "customer__email")
    search_help_text = "Customer"
    shown = ("customer", "content_shown")


@admin.register(Report, site=tenant_site)
class ReportAdmin(EntryAdmin):
    empty_title = "No report yet"
    list_display = ("about", "days", "member", "when")
    list_filter = ("about", *EntryAdmin.list_filter)
    shown = ("about", "days", "content_shown")
