"""The approval queue: what waits, its story beside it, decided in place or several at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.enums import ActionVariant

from agents.admin.approval_bulk import decide_selected
from agents.admin.approval_filters import (
    CLOSED,
    MINE,
    WAITING,
    ComponentFilter,
    KindFilter,
    RequesterFilter,
    ShowFilter,
    TierFilter,
    ToolFilter,
    mine_to_sign_off,
    shows_waiting,
)
from agents.admin.approval_page import heading, panel, row
from agents.admin.pages import console_page, found, list_url, to
from agents.admin.paging import InfinitePaginator
from agents.admin.scoped import ScopedAdmin, may, scoped
from agents.admin.site import tenant_site
from agents.answering import Answer
from approvals.deciders import duties_of
from approvals.models import Approval
from tenants.accounts.principal import of_member
from tenants.accounts.scopes import Scope

# What the queue's script says it is, to get a part instead of a page.
_IN_PLACE = "queue"
_TABS = ((WAITING, "Waiting"), (MINE, "Mine to decide"), (CLOSED, "No longer waiting"))
_SAID = {"approve": "Approved", "edit": "Approved with your changes", "reject": "Rejected"}


@admin.register(Approval, site=tenant_site)
class ApprovalAdmin(ScopedAdmin):
    """Deciders see it and decide; whoever may read the audit log sees it and changes nothing."""

    view_scope = Scope.AUDIT_READ
    add_scope = None
    change_scope = Scope.APPROVALS_DECIDE
    delete_scope = None

    change_list_template = "admin/console/approvals.html"
    list_display = ("tool",)
    list_filter = (
        ShowFilter,
        ToolFilter,
        ComponentFilter,
        TierFilter,
        KindFilter,
        RequesterFilter,
    )
    list_per_page = 50
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False
    list_disable_select_all = True
    list_max_show_all = 0
    actions = ("approve_selected", "reject_selected")

    # --- the queue --------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        return super().get_queryset(request).select_related("requester", "decided_by")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("expires_at", "id") if shows_waiting(request) else ("-id",)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        page = super().changelist_view(request, extra_context)
        context = getattr(page, "context_data", None)
        if context is not None and "cl" in context:
            rows = list(context["cl"].result_list)
            duties = duties_of(request.user, rows)
            context["rows"] = [row(approval, duties.on(approval)) for approval in rows]
            context["may_decide"] = may(request, Scope.APPROVALS_DECIDE)
            context["tabs"] = self._tabs(request)
        return page

    def _tabs(self, request: HttpRequest) -> list[dict[str, Any]]:
        shown = request.GET.get("show", WAITING)
        tabs = []
        for value, label in _TABS:
            if value == MINE and not may(request, Scope.APPROVALS_DECIDE):
                continue
            query = request.GET.copy()
            query.pop("show", None)
            query.pop("p", None)
            if value:
                query["show"] = value
            tabs.append({"label": label, "url": f"?{query.urlencode()}", "open": value == shown})
        return tabs

    # --- one approval -----------------------------------------------------------------------------

    def extra_pages(self) -> Any:
        return (
            ("count/", "count", self.count),
            ("<uuid:object_id>/decide/", "decide", self.decide),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._shown(request, found(self, request, object_id))

    @scoped(Scope.APPROVALS_DECIDE)
    def decide(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What was decided in the queue or on the approval's own page."""
        approval = found(self, request, str(object_id))
        if request.method != "POST":
            return self._shown(request, approval)
        answer = Answer(approval)
        wanted = answer.post(of_member(request.user), request.POST)
        if not wanted:
            # As it is now: somebody else may have been quicker.
            approval.refresh_from_db()
            return self._shown(request, approval, answer)
        said = f"{_SAID.get(answer.opened, 'Decided')}: {heading(approval)}."
        if answer.approval.is_waiting:
            said = f"{said} It waits for others to agree."
        if _in_place(request):
            return JsonResponse({"said": said})
        self.message_user(request, said)
        return to(list_url(Approval))

    def _shown(
        self, request: HttpRequest, approval: Approval, answer: Answer | None = None
    ) -> HttpResponse:
        context = panel(request, approval, answer)
        status = answer.status if answer is not None else 200
        if _in_place(request):
            part: HttpResponse = TemplateResponse(
                request, "admin/console/approval_panel.html", context, status=status
            )
        else:
            title = f"{heading(approval)} for {approval.requester}"
            part = console_page(
                self,
                request,
                "admin/console/approval.html",
                {**context, "title": title, "original": approval},
            )
            part.status_code = status
        part["Cache-Control"] = "no-store"
        return part

    @scoped(Scope.APPROVALS_DECIDE)
    def count(self, request: HttpRequest) -> HttpResponse:
        """How many the signed-in member may decide now: the number in the menu."""
        waiting = len(mine_to_sign_off(request.user))
        return JsonResponse({"waiting": waiting}, headers={"Cache-Control": "no-store"})

    # --- several at once --------------------------------------------------------------------------

    @scoped(Scope.APPROVALS_DECIDE, description="Approve the selected")
    def approve_selected(
        self, request: HttpRequest, queryset: QuerySet[Approval]
    ) -> HttpResponse | None:
        return decide_selected(self, request, queryset, "approve")

    @scoped(Scope.APPROVALS_DECIDE, description="Reject the selected", variant=ActionVariant.DANGER)
    def reject_selected(
        self, request: HttpRequest, queryset: QuerySet[Approval]
    ) -> HttpResponse | None:
        return decide_selected(self, request, queryset, "reject")


def _in_place(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == _IN_PLACE
