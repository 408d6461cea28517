"""Usage and limits on a tenant's console: of all together, and of each member."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.limit_form import LimitsForm
from agents.admin.pages import attempt, change_url, console_page, found, list_url, log_change, to
from agents.admin.paging import InfinitePaginator
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import badge
from agents.admin.site import tenant_site
from agents.limits.bars import bar, bars, concurrency_bar
from agents.limits.kinds import FIELDS
from agents.limits.known import read_limits
from agents.limits.models import MemberLimits, MemberUse, Usage
from agents.limits.report import report
from agents.limits.setting import set_default_limits, set_member_limits
from agents.limits.windows import month_start, today
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


class MostUsedFirst(ChangeList):
    """Whoever used most tokens this month comes first; what a page shows is read for it at once."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return ["-month_tokens", "username", "pk"]

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        members = list(self.result_list)
        read = report([member.pk for member in members])
        zone = zoneinfo.ZoneInfo(request.user.time_zone)  # type: ignore[union-attr]
        for member in members:
            member.bars = {use.kind.field: bar(use, zone) for use in read.members[member.pk]}
        self.result_list = members


def _amount(field: str, title: str) -> Callable[..., SafeString]:
    @display(description=title)
    def cell(self: Any, member: Any) -> SafeString:
        shown = render_to_string("admin/console/limit_cell.html", {"bar": member.bars[field]})
        return SafeString(shown)

    return cell


@admin.register(MemberUse, site=tenant_site)
class MemberUseAdmin(ScopedAdmin):
    view_scope = Scope.USAGE_READ_ALL
    add_scope = None
    change_scope = Scope.LIMITS_WRITE
    delete_scope = None

    empty_icon = "data_usage"
    empty_title = "No such member"
    empty_text = "Every member is listed with what they used this month."

    list_display = ("member", "live", "day_tokens", "month_tokens_shown", "month_cost")
    list_display_links = ("member",)
    search_fields = ("username", "name")
    search_help_text = "Username or name"
    sortable_by = ()
    ordering = ("username",)
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0
    list_before_template = "admin/console/usage.html"

    # --- the list ---------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return MostUsedFirst

    def get_queryset(self, request: HttpRequest) -> QuerySet[MemberUse]:
        used = (
            Usage.objects.filter(member_id=OuterRef("pk"), day__gte=month_start(today()))
            .order_by()
            .values("member_id")
            .annotate(tokens=Sum(F("input_tokens") + F("output_tokens")))
            .values("tokens")
        )
        rows = super().get_queryset(request).select_related("limits")
        return rows.annotate(month_tokens=Coalesce(Subquery(used), 0))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        context: dict[str, Any] = {}
        if self.has_view_permission(request):
            zone = request.user.time_zone  # type: ignore[union-attr]
            context = {
                "tenant_bars": [concurrency_bar(), *bars(report().tenant, zone)],
                "may_set_limits": may(request, Scope.LIMITS_WRITE),
            }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @display(description="Member")
    def member(self, member: MemberUse) -> SafeString:
        marks = [badge("service account")] if member.kind == Member.Kind.SERVICE else []
        if hasattr(member, "limits"):
            marks.append(badge("own limits", "primary"))
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{} {}</small></span>',
            str(member),
            member.username,
            SafeString(" ".join(marks)),
        )

    live = _amount("live_runs", "Live runs")
    day_tokens = _amount("tokens_per_day", "Tokens today")
    month_tokens_shown = _amount("tokens_per_month", "Tokens this month")
    month_cost = _amount("cost_per_month", "Cost this month")

    # --- limits of all and of one -----------------------------------------------------------------

    def extra_pages(self) -> Any:
        return (("everybody/", "everybody", self.everybody),)

    @scoped(Scope.LIMITS_WRITE)
    def everybody(self, request: HttpRequest) -> HttpResponse:
        """What holds for each member who has no limits of their own."""
        limits = read_limits()
        form = LimitsForm(
            request.POST or None, initial=limits.default, of_tenant=limits.of_tenant()
        )
        if request.method == "POST" and form.is_valid():

            def work() -> str:
                row = set_default_limits(request.user, form.amounts)  # type: ignore[arg-type]
                log_change(request, row, "Set the limits of each member.")
                return "The limits of each member are saved, and hold from their next run."

            if attempt(request, work):
                return to(list_url(MemberUse))
        context = {
            "title": "Limits of each member",
            "text": "They hold for every member without limits of their own, service accounts "
            "included; the tenant's limits hold as well.",
            "form": form,
            "back": list_url(MemberUse),
        }
        return console_page(self, request, "admin/console/limits.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        member = found(self, request, object_id)
        may_set = may(request, Scope.LIMITS_WRITE)
        if request.method == "POST" and not may_set:
            raise PermissionDenied(f"This needs the scope {Scope.LIMITS_WRITE}.")
        limits = read_limits()
        own = MemberLimits.objects.filter(pk=member.pk).values(*FIELDS).first() or {}
        form = LimitsForm(
            request.POST or None,
            initial=own,
            of_tenant=limits.of_tenant(),
            otherwise=limits.default,
        )
        if request.method == "POST" and form.is_valid():

            def work() -> str:
                set_member_limits(request.user, member.pk, form.amounts)  # type: ignore[arg-type]
                log_change(request, member, "Set the member's limits.")
                return f"The limits of {member} are saved, and hold from the next run."

            if attempt(request, work):
                return to(change_url(member))
        zone = request.user.time_zone  # type: ignore[union-attr]
        context = {
            "title": f"Usage and limits of {member}",
            "heading": "Own limits",
            "text": "In the stead of those that each member has; the tenant's hold as well.",
            "original": member,
            "use_bars": bars(report([member.pk]).members[member.pk], zone),
            "form": form if may_set else None,
            "back": list_url(MemberUse),
        }
        return console_page(self, request, "admin/console/limits.html", context)
