"""Sessions: who talked with what, read only and only with sessions:read_all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.pages import console_page, found
from agents.admin.paging import InfinitePaginator, among_latest
from agents.admin.run_filters import ComponentFilter, MemberFilter, of_members_like
from agents.admin.scoped import ScopedAdmin, may
from agents.admin.shown import ago, run_badge
from agents.admin.site import tenant_site
from agents.models import Run, Session
from agents.services.opened import tell_session_opened
from tenants.accounts.scopes import Scope

# The latest runs of a session that its page shows.
_RUNS = 50


@admin.register(Session, site=tenant_site)
class SessionAdmin(ScopedAdmin):
    view_scope = Scope.SESSIONS_READ_ALL
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "forum"
    empty_title = "No session here"
    empty_text = "A session begins with a member's first message to an agent."

    list_display = ("title_shown", "who", "slug", "runs_count", "started", "last")
    list_display_links = ("title_shown",)
    list_filter = (ComponentFilter, MemberFilter)
    search_fields = ("title",)
    search_help_text = (
        "Id of a session, or words of the title or the member of the latest "
        f"{settings.CONSOLE_SEARCH_LATEST:,} sessions"
    )
    list_select_related = ("member",)
    sortable_by = ()
    ordering = ("-updated_at", "-id")
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        # Counted for the rows that are shown, not joined to all there are.
        runs = Run.objects.filter(session=OuterRef("pk")).order_by().values("session")
        counted = Subquery(runs.annotate(total=Count("pk")).values("total"))
        return super().get_queryset(request).annotate(runs_total=Coalesce(counted, 0))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            like = Q(title__icontains=term) | of_members_like(term)
            return among_latest(queryset).filter(like), False

    @display(description="Session")
    def title_shown(self, session: Session) -> SafeString:
        return format_html('<span class="cx-clip">{}</span>', str(session))

    @display(description="Member")
    def who(self, session: Session) -> str:
        return str(session.member)

    @display(description="Runs")
    def runs_count(self, session: Any) -> int:
        return int(session.runs_total)

    @display(description="Started")
    def started(self, session: Session) -> SafeString | str:
        return ago(session.created_at)

    @display(description="Last message")
    def last(self, session: Session) -> SafeString | str:
        return ago(session.updated_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        session = found(self, request, object_id)
        tell_session_opened(request.user.pk, session)
        runs = list(session.runs.select_related("revision").prefetch_related("messages")[:_RUNS])
        context = {
            "title": str(session),
            "original": session,
            "session": session,
            "turns": [
                {
                    "run": run,
                    "badge": run_badge(run),
                    "messages": list(run.messages.all()),
                }
                for run in reversed(runs)
            ],
            "cut": len(runs) == _RUNS,
            "may_see_runs": may(request, Scope.RUNS_READ_ALL),
            "may_see_members": may(request, Scope.MEMBERS_READ),
        }
        return console_page(self, request, "admin/console/session.html", context)
