"""Invitations in both consoles: invite, send again, revoke; what became of each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from agents.admin.member_form import known_roles
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
from agents.admin.platform_site import platform_site
from agents.admin.scoped import ScopedAdmin, scoped
from agents.admin.shown import ago, badge
from agents.admin.site import tenant_site
from config.errors import Problem
from tenants.accounts import invitations
from tenants.accounts.invitation_models import EXPIRED, PENDING, STATES
from tenants.accounts.models import Invitation
from tenants.accounts.scopes import Scope

_TONE = {"pending": "primary", "accepted": "success", "expired": "warning", "revoked": "neutral"}
_DAYS = (1, 3, 7, 14, 30, invitations.DAYS_MAX)


class InvitationForm(forms.Form):
    email = forms.EmailField(label="Mail address", widget=UnfoldAdminEmailInputWidget)
    roles = forms.MultipleChoiceField(
        help_text="You can give no rights that you don't have yourself.",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"}),
    )
    days = forms.TypedChoiceField(
        label="Good for", coerce=int, widget=UnfoldAdminSelectWidget, required=True
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Group.objects.filter(name__in=known_roles()).order_by("name")
        self.fields["roles"].choices = [(g.name, g.name) for g in names]  # type: ignore[attr-defined]
        days = sorted({*_DAYS, settings.INVITATION_DAYS})
        shown = [(n, f"{n} day{'' if n == 1 else 's'}") for n in days]
        self.fields["days"].choices = shown  # type: ignore[attr-defined]
        self.fields["days"].initial = settings.INVITATION_DAYS


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in STATES]

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        return rows.in_state(self.value()) if self.value() in STATES else rows


@admin.register(Invitation, site=tenant_site)
@admin.register(Invitation, site=platform_site)
class InvitationAdmin(ScopedAdmin):
    view_scope = Scope.MEMBERS_READ
    add_scope = Scope.MEMBERS_WRITE
    change_scope = None
    delete_scope = None

    empty_icon = "mail"
    empty_title = "Nobody is invited"
    empty_text = "Who is invited gets a link, and chooses their name and password themselves."

    list_display = ("email", "roles_shown", "state_shown", "invited_by", "until")
    list_display_links = ("email",)
    list_filter = (StateFilter,)
    list_select_related = ("invited_by",)
    search_fields = ("email",)
    search_help_text = "Mail address"
    ordering = ("-created_at", "-id")
    fields = ("email", "roles_shown", "state_shown", "invited_by", "made", "until", "sent", "by")
    readonly_fields = fields
    actions_detail = ("send_again", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return super().get_queryset(request).select_related("invited_by", "accepted_by")

    @display(description="Roles")
    def roles_shown(self, invitation: Invitation) -> SafeString:
        return format_html_join(" ", "{}", ((badge(name, "primary"),) for name in invitation.roles))

    @display(description="State")
    def state_shown(self, invitation: Invitation) -> SafeString:
        return badge(invitation.state, _TONE[invitation.state])

    @display(description="Good until", ordering="expires_at")
    def until(self, invitation: Invitation) -> SafeString | str:
        return ago(invitation.expires_at)

    @display(description="Invited")
    def made(self, invitation: Invitation) -> SafeString | str:
        return ago(invitation.created_at)

    @display(description="Mail sent")
    def sent(self, invitation: Invitation) -> SafeString | str:
        return ago(invitation.sent_at) if invitation.sent_at else "not yet"

    @display(description="Became")
    def by(self, invitation: Invitation) -> str:
        return str(invitation.accepted_by or "—")

    # --- inviting ---------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = InvitationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                made = invitations.invite(
                    request.user,  # type: ignore[arg-type]
                    given["email"],
                    given["roles"],
                    days=given["days"],
                )
            except Problem as problem:
                form.add_error(None, problem.detail)
            else:
                self.log_addition(request, made, f"Invited as {', '.join(made.roles)}.")
                return self._link_page(request, made)
        context = {"title": "Invite somebody", "form": form, "back": list_url(Invitation)}
        return console_page(self, request, "admin/console/invite.html", context)

    def _link_page(self, request: HttpRequest, invitation: Invitation) -> HttpResponse:
        """The secret link, this once; no page after it has it again."""
        context = {
            "title": f"{invitation.email} is invited",
            "original": invitation,
            "invitation": invitation,
            "link": invitations.invitation_link(invitation),
            "mail_is_sent": settings.MAIL_IS_SENT,
            "back": list_url(Invitation),
        }
        response = console_page(self, request, "admin/console/invited.html", context)
        add_never_cache_headers(response)
        return response

    # --- what can be done with one ----------------------------------------------------------------

    def action_applies(self, request: HttpRequest, action: str, object_id: Any) -> bool:
        invitation = self.get_object(request, str(object_id))
        if invitation is None:
            return False
        return invitation.state in ((PENDING, EXPIRED) if action == "send_again" else (PENDING,))

    @scoped(Scope.MEMBERS_WRITE, description="Send again…", icon="forward_to_inbox")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invitation = found(self, request, object_id)
        back = change_url(invitation)
        if request.method != "POST":
            text = "It gets a new link, good as long as the first one was. The old link ends."
            asked = Confirm(f"Invite {invitation.email} again?", text, "Send again", back=back)
            return confirm_page(self, request, asked, invitation)
        actor: Any = request.user
        renewed: list[Invitation] = []

        def work() -> str:
            renewed.append(invitations.renew(actor, invitation.pk))
            log_change(request, invitation, "Sent again, with a new link.")
            return ""

        done = attempt(request, work)
        return self._link_page(request, renewed[0]) if done else to(back)

    @scoped(Scope.MEMBERS_WRITE, description="Revoke…", icon="cancel")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invitation = found(self, request, object_id)
        back = change_url(invitation)
        if request.method != "POST":
            text = "Its link is useless from then on. The invitation stays in the list."
            asked = Confirm(
                f"Revoke the invitation of {invitation.email}?", text, "Revoke", True, back=back
            )
            return confirm_page(self, request, asked, invitation)
        actor: Any = request.user

        def work() -> str:
            invitations.revoke_invitation(actor, invitation.pk)
            log_change(request, invitation, "Revoked.")
            return "The invitation is revoked."

        attempt(request, work)
        return to(back)
