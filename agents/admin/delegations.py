"""Lent duties: who decides in whose stead, from when until when. Approvers lend their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from agents.admin.pages import (
    Confirm,
    attempt,
    change_url,
    confirm_page,
    console_page,
    found,
    list_url,
    log_change,
    to,
)
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from approvals.lending import end_lending, in_state, lend, may_lend_for, problems, state_of
from approvals.models import Delegation
from approvals.models.grant import deciding_role_names
from config.errors import Problem
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member
from tenants.accounts.scopes import Scope

_TONE = {"now": "success", "later": "primary", "over": "neutral"}


class LendForm(forms.Form):
    """Owners choose whose duty it is; everyone else lends their own."""

    approver = forms.ModelChoiceField(
        Member.objects.none(), label="Whose duty", widget=UnfoldAdminSelectWidget
    )
    substitute = forms.ModelChoiceField(
        Member.objects.none(),
        label="Who stands in",
        widget=UnfoldAdminSelectWidget,
        help_text="They decide as the approver would, and the two have one voice. "
        "They need no role that decides, and can't lend it on.",
    )
    begins_at = forms.SplitDateTimeField(label="From", widget=UnfoldAdminSplitDateTimeWidget)
    ends_at = forms.SplitDateTimeField(label="Until", widget=UnfoldAdminSplitDateTimeWidget)
    note = forms.CharField(
        required=False, max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"maxlength": 200})
    )

    def __init__(self, data: Any, *, actor: Member) -> None:
        now = timezone.localtime().replace(second=0, microsecond=0)
        begins = {"begins_at": now, "ends_at": now + timedelta(days=7), "approver": actor.pk}
        super().__init__(data, initial=begins)
        self.actor = actor
        people = Member.objects.filter(is_active=True, kind=Member.Kind.PERSON)
        approvers = Q(groups__in=Group.objects.filter(name__in=deciding_role_names()))
        fields: Any = self.fields
        fields["substitute"].queryset = people.order_by("username")
        if actor.may(Scope.GRANTS_WRITE):
            fields["approver"].queryset = people.filter(approvers).distinct().order_by("username")
        else:
            fields["approver"].queryset = people.filter(pk=actor.pk)
            fields["approver"].help_text = "Owners lend the duties of others."

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            wrong = problems(
                given["approver"], given["substitute"], given["begins_at"], given["ends_at"]
            )
            for field, sentence in wrong.items():
                self.add_error(field, sentence)
        return given


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Now"), ("later", "Later"), ("over", "Over")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        state = self.value()
        return in_state(rows, state) if state in _TONE else rows


@admin.register(Delegation, site=tenant_site)
class DelegationAdmin(ScopedAdmin):
    view_scope = Scope.GRANTS_READ
    add_scope = Scope.APPROVALS_DECIDE
    change_scope = None
    delete_scope = None

    empty_icon = "swap_horiz"
    empty_title = "No duty is lent"
    empty_text = "Whoever is away lends their duty to decide on approvals, for a period."

    list_display = ("approver", "substitute", "state", "begins", "ends", "note")
    list_display_links = ("approver",)
    list_filter = (StateFilter,)
    list_select_related = ("approver", "substitute")
    search_fields = (
        "approver__username",
        "approver__name",
        "substitute__username",
        "substitute__name",
    )
    search_help_text = "Username or name of either"
    ordering = ("-begins_at", "-id")
    fields = ("approver", "substitute", "state", "begins_at", "ends_at", "note")
    readonly_fields = fields
    actions_detail = ("end_now",)

    @display(description="State")
    def state(self, row: Delegation) -> SafeString:
        return badge(state_of(row), _TONE[state_of(row)])

    @display(description="From", ordering="begins_at")
    def begins(self, row: Delegation) -> SafeString | str:
        return ago(row.begins_at)

    @display(description="Until", ordering="ends_at")
    def ends(self, row: Delegation) -> SafeString | str:
        return ago(row.ends_at)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied(f"This needs the scope {Scope.APPROVALS_DECIDE}.")
        actor: Any = request.user
        who = of_member(actor)
        form = LendForm(request.POST or None, actor=actor)
        if request.method == "POST" and form.is_valid():
            try:
                made = lend(who, **form.cleaned_data)
            except Problem as problem:
                form.add_error(None, problem.detail)
            else:
                self.log_addition(request, made, "Lent.")

                def said() -> str:
                    return f"{made.substitute} stands in for {made.approver}."

                attempt(request, said)
                return to(list_url(Delegation))
        context = {"title": "Lend a duty", "form": form, "back": list_url(Delegation)}
        return console_page(self, request, "admin/console/lend.html", context)

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        row = self.get_object(request, str(object_id))
        if row is None or not may_lend_for(of_member(request.user), row.approver_id):
            return False
        return state_of(row) != "over"

    @scoped(Scope.APPROVALS_DECIDE, description="End it…", icon="event_busy", url_path="end")
    def end_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = found(self, request, object_id)
        if not may(request, Scope.GRANTS_WRITE) and row.approver_id != request.user.pk:
            raise PermissionDenied("It is somebody else's duty: an owner can end it.")
        if request.method != "POST":
            text = f"{row.substitute} can't decide for {row.approver} from then on."
            asked = Confirm("End this now?", text, "End it", True, back=change_url(row))
            return confirm_page(self, request, asked, row)
        who = of_member(request.user)

        def work() -> str:
            left = end_lending(who, row.pk)
            if left is not None:
                log_change(request, left, "Ended.")
            return f"{row.substitute} doesn't stand in for {row.approver} any more."

        attempt(request, work)
        return to(list_url(Delegation))
