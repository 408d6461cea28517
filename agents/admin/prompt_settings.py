"""Settings that the tenant's prompts may name."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.scoped import ScopedAdmin
from agents.admin.site import tenant_site
from agents.models import PromptSetting
from agents.runtime.variables import tell_changed
from tenants.accounts.scopes import Scope


@admin.register(PromptSetting, site=tenant_site)
class PromptSettingAdmin(ScopedAdmin):
    view_scope = Scope.AGENTS_READ
    add_scope = Scope.AGENTS_WRITE
    change_scope = Scope.AGENTS_WRITE
    delete_scope = Scope.AGENTS_WRITE

    empty_icon = "data_object"
    empty_title = "No prompt setting yet"
    empty_text = "A value that every agent's instructions may name, changed in one place."

    bulk_delete = True
    list_display = ("key", "named_as", "value_short", "updated_at")
    search_fields = ("key", "value")
    search_help_text = "Key or value"
    fields = ("key", "value")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj is not None else ()  # prompts name it

    @display(description="In instructions")
    def named_as(self, row: PromptSetting) -> SafeString:
        return format_html("<code>{{{{ settings.{} }}}}</code>", row.key)

    @display(description="Value")
    def value_short(self, row: PromptSetting) -> str:
        text = " ".join(row.value.split())
        return text if len(text) <= 80 else f"{text[:79]}…"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        tell_changed()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        tell_changed()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        tell_changed()
