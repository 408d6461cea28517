"""Service accounts: members that are programs, with their keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from agents.admin.api_keys import ApiKeyInline, KeyVerbs
from agents.admin.member_form import ServiceAccountForm
from agents.admin.member_verbs import MemberVerbs
from agents.admin.scoped import ScopedAdmin
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from tenants.accounts.models import Member, ServiceAccount
from tenants.accounts.scopes import Scope


@admin.register(ServiceAccount, site=tenant_site)
class ServiceAccountAdmin(KeyVerbs, MemberVerbs, ScopedAdmin):
    view_scope = Scope.MEMBERS_READ
    add_scope = Scope.MEMBERS_WRITE
    change_scope = Scope.MEMBERS_WRITE
    delete_scope = Scope.MEMBERS_WRITE

    empty_icon = "key"
    empty_title = "No service account"
    empty_text = "A program gets an account of its own, with keys instead of a password."

    form = ServiceAccountForm
    list_display = ("account", "roles_shown", "state", "keys", "used")
    list_display_links = ("account",)
    list_filter = ("is_active", "groups")
    search_fields = ("username", "name", "api_keys__public_id")
    search_help_text = "Username, name or a key's id"
    ordering = ("username",)
    fieldsets = (
        ("Account", {"fields": (("username", "name"), "is_active")}),
        ("Roles", {"fields": ("groups",)}),
    )
    inlines = (ApiKeyInline,)
    actions_detail = ("new_key", "suspend", "unsuspend")
    actions = ("suspend_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        live = Q(api_keys__revoked_at=None) & (
            Q(api_keys__expires_at=None) | Q(api_keys__expires_at__gt=Now())
        )
        accounts = super().get_queryset(request).filter(kind=Member.Kind.SERVICE)
        return accounts.annotate(
            live_keys=Count("api_keys", filter=live, distinct=True),
            last_used=Max("api_keys__last_used_at"),
        ).prefetch_related("groups")

    @display(description="Account", ordering="username")
    def account(self, account: ServiceAccount) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            str(account),
            account.username,
        )

    @display(description="Roles")
    def roles_shown(self, account: ServiceAccount) -> SafeString:
        names = sorted(group.name for group in account.groups.all())
        return format_html_join(" ", "{}", ((badge(name, "primary"),) for name in names))

    @display(description="State", ordering="is_active")
    def state(self, account: ServiceAccount) -> SafeString:
        return badge("active", "success") if account.is_active else badge("suspended", "warning")

    @display(description="Good keys", ordering="live_keys")
    def keys(self, account: Any) -> int:
        return int(account.live_keys)

    @display(description="Last used", ordering="last_used")
    def used(self, account: Any) -> SafeString | str:
        return ago(account.last_used) if account.last_used else "never"

    def extra_pages(self) -> Any:
        return (("<path:object_id>/keys/<int:key_id>/revoke/", "revoke", self.revoke_view),)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user})

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None else ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)
