"""People who are members: add and edit. What is done to them otherwise is in member_verbs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from agents.admin.member_form import MemberForm, NewMemberForm
from agents.admin.member_verbs import MemberVerbs
from agents.admin.pages import Confirm, attempt, change_url, confirm_page, found, log_change, to
from agents.admin.password_forms import MemberPasswordForm
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedMixin, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from tenants.accounts.models import Member
from tenants.accounts.reset import send_reset
from tenants.accounts.scopes import Scope


@admin.register(Member, site=tenant_site)
@admin.register(Member, site=platform_site)
class MemberAdmin(MemberVerbs, ScopedMixin, UserAdmin, ModelAdmin):
    view_scope = Scope.MEMBERS_READ
    add_scope = Scope.MEMBERS_WRITE
    change_scope = Scope.MEMBERS_WRITE
    delete_scope = Scope.MEMBERS_WRITE

    empty_icon = "group"
    empty_title = "No such member"
    empty_text = "A member is a person of this tenant alone. Programs are service accounts."

    form = MemberForm
    add_form = NewMemberForm
    change_password_form = MemberPasswordForm
    list_display = ("person", "roles_shown", "state", "time_zone", "seen")
    list_display_links = ("person",)
    list_filter = ("is_active", "groups")
    search_fields = ("username", "name", "email")
    search_help_text = "Username, name or e-mail"
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        ("Member", {"fields": ("username", ("name", "email"), "time_zone")}),
        ("Roles", {"fields": ("groups",)}),
        ("Access", {"fields": ("is_active", "password_shown", "seen", "joined")}),
    )
    add_fieldsets = (
        ("Member", {"fields": ("username", ("name", "email"), "time_zone")}),
        ("Roles", {"fields": ("groups",)}),
        ("Access", {"fields": ("usable_password", "password1", "password2")}),
    )
    readonly_fields = ("password_shown", "seen", "joined")
    actions_detail = ("mail_reset", "suspend", "unsuspend", "sign_out_everywhere")
    actions = ("suspend_selected",)

    # --- the list ---------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        people = super().get_queryset(request).filter(kind=Member.Kind.PERSON)
        return people.prefetch_related("groups")

    @display(description="Member", ordering="username")
    def person(self, member: Member) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>',
            str(member),
            " · ".join(filter(None, (member.username, member.email))),
        )

    @display(description="Roles")
    def roles_shown(self, member: Member) -> SafeString:
        names = sorted(group.name for group in member.groups.all())
        return format_html_join(" ", "{}", ((badge(name, "primary"),) for name in names))

    @display(description="State", ordering="is_active")
    def state(self, member: Member) -> SafeString:
        if not member.is_active:
            return badge("suspended", "warning")
        return badge("active", "success")

    @display(description="Last sign-in", ordering="last_login")
    def seen(self, member: Member) -> SafeString | str:
        return ago(member.last_login) if member.last_login else "never"

    @display(description="Member since")
    def joined(self, member: Member) -> SafeString | str:
        return ago(member.date_joined)

    # --- the form ---------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Member | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user})

    def get_fieldsets(self, request: HttpRequest, obj: Member | None = None) -> Any:
        return self.add_fieldsets if obj is None else self.fieldsets

    @display(description="Password")
    def password_shown(self, member: Member) -> SafeString:
        state = "set" if member.has_usable_password() else "none: they can't sign in with one"
        return format_html(
            '<span>{}</span> · <a class="cx-link" href="{}">change</a>',
            state,
            reverse("admin:auth_user_password_change", args=[member.pk]),
        )

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @scoped(Scope.MEMBERS_WRITE, description="Mail a new password…", icon="lock_reset")
    def mail_reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        member = found(self, request, object_id)
        if request.method != "POST":
            text = (
                f"A link to set a new password goes to {member.email or 'their mail address'}. "
                "The old password stays good until they use it."
            )
            asked = Confirm(
                f"Mail {member} a new password?", text, "Send the mail", back=change_url(member)
            )
            return confirm_page(self, request, asked, member)

        def work() -> str:
            send_reset(request.user, member.pk)  # type: ignore[arg-type]
            log_change(request, member, "Sent a mail to set a new password.")
            return f"A mail to {member.email} is on its way."

        attempt(request, work)
        return to(change_url(member))

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        if action == "mail_reset":
            member = self.get_object(request, str(object_id))
            return member is not None and bool(member.is_active)
        return super().action_applies(request, action, object_id)
