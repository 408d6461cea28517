"""Guardrails of the tenant: they hold for every agent, from the next run on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from agents.admin.guardrail_form import MEANS, usual
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import badge
from agents.admin.site import tenant_site
from agents.guardrails.specs import LABELS
from agents.models import TenantGuardrail
from tenants.accounts.scopes import Scope


@admin.register(TenantGuardrail, site=tenant_site)
class TenantGuardrailAdmin(ScopedAdmin):
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_PUBLISH
    change_scope = Scope.AGENTS_PUBLISH
    delete_scope = Scope.AGENTS_PUBLISH

    empty_icon = "shield"
    empty_title = "No guardrail yet"
    empty_text = "One that is made here holds for every agent of the tenant, from its next run on."

    bulk_delete = True
    list_display = ("name", "kind_shown", "stages_shown", "state", "updated_at")
    list_filter = ("kind", "is_enabled")
    search_fields = ("name",)
    search_help_text = "Name"
    fieldsets = (
        (None, {"fields": (("name", "kind"), "is_enabled", "options")}),
        ("What each kind can be told", {"fields": ("usual_settings",)}),
    )
    readonly_fields = ("usual_settings",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "options":
            kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @display(description="Kind", ordering="kind")
    def kind_shown(self, row: TenantGuardrail) -> str:
        return row.get_kind_display()

    @display(description="Looks at")
    def stages_shown(self, row: TenantGuardrail) -> str:
        try:
            return ", ".join(stage.words for stage in row.spec().stages)
        except ValueError:
            return "its settings can't be read"

    @display(description="State", ordering="is_enabled")
    def state(self, row: TenantGuardrail) -> SafeString:
        return badge("on", "success") if row.is_enabled else badge("off", "neutral")

    @display(description="Usual settings")
    def usual_settings(self, row: TenantGuardrail | None) -> SafeString:
        kinds = [
            {"label": label, "kind": kind, "means": MEANS[kind], "text": usual(kind)}
            for kind, label in LABELS.items()
        ]
        return render_to_string("admin/console/guardrail_kinds.html", {"kinds": kinds})
