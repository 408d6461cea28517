"""Runs of every tenant that wait for people: in no process and in no queue."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import display

from agents.admin.paging import InfinitePaginator
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, badge, duration
from agents.tickets.models import Paused
from tenants.accounts.scopes import Scope


@admin.register(Paused, site=platform_site)
class PausedAdmin(ScopedAdmin):
    view_scope = Scope.PLATFORM_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    empty_icon = "how_to_reg"
    empty_title = "No run waits for people"
    empty_text = "A run whose tool call needs somebody's decision is shown here until it has one."

    list_display = ("run", "schema", "slug", "member_id", "since", "due")
    list_display_links = None
    list_filter = (("schema", FieldTextFilter),)
    search_fields = ("schema", "slug")
    search_help_text = "Tenant or agent"
    sortable_by = ()
    ordering = ("due_at",)
    paginator = InfinitePaginator
    show_full_result_count = False
    list_max_show_all = 0

    @display(description="Run")
    def run(self, paused: Paused) -> SafeString:
        return format_html("<code>{}</code>", paused.run_id)

    @display(description="Waits since")
    def since(self, paused: Paused) -> SafeString | str:
        return ago(paused.paused_at)

    @display(description="Goes on at the latest in")
    def due(self, paused: Paused) -> SafeString | str:
        left = (paused.due_at - timezone.now()).total_seconds()
        return duration(left) if left > 0 else badge("due", "warning")
