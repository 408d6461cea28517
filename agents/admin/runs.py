"""Runs: the list with its filters, the run's page with its waterfall, cancelling."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import F, Func, Q, QuerySet, TextField
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from agents.admin.cancelling import cancel_from_thread
from agents.admin.pages import Confirm, attempt, change_url, confirm_page, found, selected, to
from agents.admin.paging import InfinitePaginator, among_latest
from agents.admin.run_filters import (
    ComponentFilter,
    CreatedFilter,
    DurationFilter,
    MemberFilter,
    StatusFilter,
)
from agents.admin.run_page import run_page, step_page
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.shown import ago, between, duration, money, one_line, run_badge
from agents.admin.site import tenant_site
from agents.models import Run
from agents.services.opened import tell_run_opened
from config.errors import Conflict
from tenants.accounts.scopes import Scope

# Characters of an input that the list reads from the database.
_PREVIEW = 200


@admin.register(Run, site=tenant_site)
class RunAdmin(ScopedAdmin):
    view_scope = Scope.RUNS_READ_ALL
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "play_circle"
    empty_title = "No run here"
    empty_text = "A run is made when a member chats with an agent or a program calls the API."

    list_display = (
        "input_shown",
        "status_shown",
        "component",
        "who",
        "took",
        "tokens",
        "cost_shown",
        "started",
    )
    list_display_links = ("input_shown",)
    list_filter = (
        StatusFilter,
        ComponentFilter,
        MemberFilter,
        ("created_at", CreatedFilter),
        DurationFilter,
    )
    search_fields = ("id", "trace_id", "input")
    search_help_text = (
        "Id of a run, trace or session, or words of the input of the latest "
        f"{settings.CONSOLE_SEARCH_LATEST:,} runs"
    )
    sortable_by = ()
    ordering = ("-id",)
    # Runs grow without bound: no page of theirs may count them.
    paginator = InfinitePaginator
    show_full_result_count = False
    list_disable_select_all = True
    list_max_show_all = 0
    actions = ("cancel_selected",)

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).select_related("revision", "member")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        term = search_term.strip()
        # The whole input and output can be large, and the list shows a line of them.
        queryset = queryset.defer("input", "output", "error", "revision__spec").annotate(
            preview=Func(
                F("input"),
                template=f"left(%(expressions)s #>> '{{}}', {_PREVIEW})",
                output_field=TextField(),
            )
        )
        if not term:
            return queryset.filter(parent__isnull=True), False
        try:
            by_id = Q(pk=UUID(term)) | Q(session=UUID(term)) | Q(trace_id=UUID(term).hex)
        except ValueError:
            # Words are in no index: they are looked for in the latest of the filtered runs.
            return among_latest(queryset).filter(input__icontains=term), False
        return queryset.filter(by_id), False

    @display(description="Input")
    def input_shown(self, run: Any) -> SafeString:
        return format_html(
            '<span class="cx-two"><span class="cx-clip">{}</span><small>{}</small></span>',
            one_line(run.preview or "", 80) or "(empty)",
            str(run.pk),
        )

    @display(description="Status")
    def status_shown(self, run: Run) -> SafeString:
        return run_badge(run)

    @display(description="Component")
    def component(self, run: Run) -> SafeString:
        kind = "" if run.kind == "agent" else run.kind.capitalize()
        return format_html(
            '<span class="cx-two"><span class="cx-words">{} r{}</span><small>{}</small></span>',
            run.slug,
            run.revision.number,
            kind,
        )

    @display(description="Member")
    def who(self, run: Run) -> str:
        return str(run.member)

    @display(description="Took")
    def took(self, run: Run) -> str:
        return duration(between(run.started_at, run.finished_at))

    @display(description="Tokens")
    def tokens(self, run: Run) -> str:
        return f"{run.input_tokens + run.output_tokens:,}"

    @display(description="Cost")
    def cost_shown(self, run: Run) -> str:
        return money(run.cost, run.model.get("currency") or "")

    @display(description="Started")
    def started(self, run: Run) -> SafeString | str:
        return ago(run.created_at)

    # --- the run's page ---------------------------------------------------------------------------

    def extra_pages(self) -> Any:
        return (
            ("<uuid:object_id>/live/", "live", self.live),
            ("<uuid:object_id>/cancel/", "cancel", self.cancel),
            ("<uuid:object_id>/steps/<int:seq>/", "step", self.step),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        run = found(self, request, object_id)
        tell_run_opened(request.user.pk, run)
        return run_page(self, request, run)

    @scoped(Scope.RUNS_READ_ALL)
    def live(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The part of the page that changes while the run is live."""
        return run_page(self, request, found(self, request, str(object_id)), part=True)

    @scoped(Scope.RUNS_READ_ALL)
    def step(self, request: HttpRequest, object_id: UUID, seq: int) -> HttpResponse:
        """One step with its values in full."""
        run = found(self, request, str(object_id))
        step = run.steps.filter(seq=seq).first()
        if step is None:
            raise Http404("The run has no such step.")
        tell_run_opened(request.user.pk, run)
        return step_page(self, request, run, step)

    # --- cancelling -------------------------------------------------------------------------------

    @scoped(Scope.RUNS_CANCEL_ALL)
    def cancel(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        run = found(self, request, str(object_id))
        if request.method != "POST":
            asked = Confirm(
                "Cancel this run?",
                "It ends at once. What its tools have done already stays done.",
                "Cancel the run",
                dangerous=True,
                items=(one_line(str(run.input)),),
                back=change_url(run),
            )
            return confirm_page(self, request, asked, run)
        attempt(request, lambda: self._cancel(request, run))
        return to(change_url(run))

    def _cancel(self, request: HttpRequest, run: Run) -> str:
        status = cancel_from_thread(request.user, run.pk)  # type: ignore[arg-type]
        if status == Run.Status.CANCELLED:
            return "The run is cancelled."
        return "The cancel is asked for; whoever holds the run ends it within seconds."

    @scoped(
        Scope.RUNS_CANCEL_ALL, description="Cancel the selected runs", variant=ActionVariant.DANGER
    )
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        runs = list(queryset.filter(status__in=Run.LIVE)[: self.list_per_page])
        if not runs:
            messages.warning(request, "None of the selected runs is live.")
            return None
        if request.POST.get("confirmed") != "yes":
            asked = Confirm(
                f"Cancel {len(runs)} live run{'s' if len(runs) > 1 else ''}?",
                "They end at once. What their tools have done already stays done.",
                "Cancel them",
                dangerous=True,
                items=[f"{run.slug}: {one_line(str(run.input))}" for run in runs],
                back=request.get_full_path(),
                hidden=selected(runs, "cancel_selected"),
            )
            return confirm_page(self, request, asked)
        attempt(request, lambda: self._cancel_all(request, runs))
        return None

    def _cancel_all(self, request: HttpRequest, runs: list[Run]) -> str:
        ended = 0
        for run in runs:
            try:
                cancel_from_thread(request.user, run.pk)  # type: ignore[arg-type]
            except Conflict:
                ended += 1  # it came to its end in between
        asked = len(runs) - ended
        rest = f" {ended} had ended already." if ended else ""
        return f"{asked} run{'s' if asked != 1 else ''} cancelled.{rest}"
