"""What the catalogue's teams and workflows did, to be looked at: incidents and changes of files."""

from __future__ import annotations

import difflib
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.desk import EntryAdmin
from agents.admin.shown import badge
from agents.admin.site import tenant_site
from agents.showcase.models import FileChange, Incident


@admin.register(Incident, site=tenant_site)
class IncidentAdmin(EntryAdmin):
    empty_title = "No incident"
    empty_text = "The workflow emergency-dispatch opens one for each report."
    list_display = ("number", "report_short", "location", "state", "member", "when")
    list_display_links = ("number", "report_short")
    search_fields = ("report", "location")
    search_help_text = "Words of the report, or the place"
    shown = ("number", "report", "location", "state", "units", "hospital")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        found: QuerySet[Incident] = super().get_queryset(request)
        return found.select_related("dispatch").prefetch_related("reservations")

    @display(description="Number", ordering="id")
    def number(self, row: Incident) -> int:
        return int(row.pk)

    @display(description="Report")
    def report_short(self, row: Incident) -> SafeString:
        return format_html('<span class="cx-clip">{}</span>', row.report)

    @display(description="State")
    def state(self, row: Incident) -> SafeString:
        if _dispatch(row) is not None:
            return badge("Dispatched", "success")
        reserved = any(one.units for one in row.reservations.all())
        return badge("Reserved", "warning") if reserved else badge("Open", "neutral")

    @display(description="Units")
    def units(self, row: Incident) -> str:
        held = _dispatch(row) or next(iter(row.reservations.all()), None)
        units = held.units if held is not None else []
        told = (f"{one['unit']} ({one['kind']}, {one['eta_minutes']} min)" for one in units)
        return ", ".join(told) or "none"

    @display(description="Hospital")
    def hospital(self, row: Incident) -> str:
        held = _dispatch(row) or next(iter(row.reservations.all()), None)
        return held.hospital if held is not None else ""


def _dispatch(row: Incident) -> Any:
    return getattr(row, "dispatch", None)


@admin.register(FileChange, site=tenant_site)
class FileChangeAdmin(EntryAdmin):
    empty_title = "No file was changed"
    empty_text = "The team coda changes files of its repository once somebody approved it."
    list_display = ("path", "reason", "member", "when")
    search_fields = ("path", "reason")
    search_help_text = "Path or reason"
    shown = ("path", "reason", "difference")

    @display(description="Change")
    def difference(self, row: FileChange) -> SafeString:
        lines = difflib.unified_diff(
            row.before.splitlines(), row.content.splitlines(), "before", "after", lineterm=""
        )
        return format_html('<pre class="cx-pre">{}</pre>', "\n".join(lines))
