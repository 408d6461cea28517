"""Keys on a service account's page: listed, made and shown once, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from agents.admin.pages import Confirm, attempt, change_url, confirm_page, console_page, found, to
from agents.admin.roles import MEANING
from agents.admin.scoped import ScopedInline, may, scoped
from agents.admin.shown import ago, badge
from config.errors import Problem
from tenants.accounts.api_keys import KeyRequest, create_key, revoke_key, shown
from tenants.accounts.models import ApiKey, Member
from tenants.accounts.principal import of_member
from tenants.accounts.scopes import Scope

_TONE = {"active": "success", "expired": "neutral", "revoked": "warning"}
_EXPIRIES = (("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never"))


class KeyForm(forms.Form):
    """What a new key may do: of what its account may, and whoever makes it."""

    name = forms.CharField(
        max_length=100,
        help_text="What it is for, and where it is kept.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="May", widget=forms.CheckboxSelectMultiple(attrs={"class": "cx-checks"})
    )
    expires = forms.ChoiceField(
        choices=_EXPIRIES, initial="90", required=False, widget=UnfoldAdminSelectWidget
    )
    rate = forms.IntegerField(
        label="Requests per minute",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Empty: as usual for this installation.",
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, may: frozenset[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["scopes"]
        field.choices = [(s.value, f"{MEANING[s]} ({s})") for s in Scope if s in may]
        field.initial = [value for value, _ in field.choices]

    def wanted(self) -> KeyRequest:
        data = self.cleaned_data
        days = data["expires"]
        expires = timezone.now() + timedelta(days=int(days)) if days else None
        return KeyRequest(data["name"], data["scopes"], expires, data["rate"])


class ApiKeyInline(ScopedInline):
    model = ApiKey
    fk_name = "account"
    verbose_name_plural = "Keys"
    extra = 0
    can_delete = False
    fields = ("which", "gives", "state_shown", "used", "expires", "revoke")
    readonly_fields = fields
    ordering = ("-id",)
    hide_title = True
    view_scope = Scope.KEYS_READ
    add_scope = None
    change_scope = None
    delete_scope = None

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        self._may_revoke = may(request, Scope.KEYS_WRITE)
        return super().get_formset(request, obj, **kwargs)

    @display(description="Key")
    def which(self, key: ApiKey) -> SafeString:
        return format_html(
            '<span class="cx-two"><strong>{}</strong><small>{}</small></span>', key.name, shown(key)
        )

    @display(description="Gives")
    def gives(self, key: ApiKey) -> SafeString:
        scopes = f"{len(key.scopes)} scope{'s' if len(key.scopes) != 1 else ''}"
        return format_html('<span title="{}">{}</span>', ", ".join(key.scopes), scopes)

    @display(description="State")
    def state_shown(self, key: ApiKey) -> SafeString:
        state = key.state()
        return badge(state.label.lower(), _TONE[state.value])

    @display(description="Last used")
    def used(self, key: ApiKey) -> SafeString | str:
        return ago(key.last_used_at) if key.last_used_at else "never"

    @display(description="Expires")
    def expires(self, key: ApiKey) -> str:
        if key.expires_at is None:
            return "never"
        return timezone.localtime(key.expires_at).strftime("%Y-%m-%d %H:%M")

    @display(description="")
    def revoke(self, key: ApiKey) -> SafeString | str:
        if key.revoked_at is not None or not self._may_revoke:
            return ""
        url = reverse("admin:accounts_serviceaccount_revoke", args=[key.account_id, key.pk])
        return format_html('<a class="cx-link" href="{}">Revoke…</a>', url)


class KeyVerbs:
    """Mixed into the admin class of service accounts."""

    @scoped(Scope.KEYS_WRITE, description="New key…", icon="key", url_path="new-key")
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form; sent, the one page that shows the key, which nothing may keep."""
        account = found(self, request, object_id)  # type: ignore[arg-type]
        actor = of_member(request.user)
        allowed = frozenset(scope for scope in account.scopes if actor.may(scope))
        form = KeyForm(request.POST or None, may=allowed)
        context = {"original": account, "account": account, "back": change_url(account)}
        if request.method == "POST" and form.is_valid():
            try:
                key, text = create_key(actor, account, form.wanted())
            except Problem as problem:
                form.add_error(None, problem.detail)
            else:
                context |= {"title": f"The key {key.name}", "text": text}
                made = "admin/console/api_key_made.html"
                page = console_page(self, request, made, context)  # type: ignore[arg-type]
                add_never_cache_headers(page)
                return page
        context |= {"title": f"New key of {account}", "form": form}
        return console_page(self, request, "admin/console/api_key_new.html", context)  # type: ignore[arg-type]

    @scoped(Scope.KEYS_WRITE)
    def revoke_view(self, request: HttpRequest, object_id: str, key_id: int) -> HttpResponse:
        account: Member = found(self, request, object_id)  # type: ignore[arg-type]
        key = account.api_keys.filter(pk=key_id).first()
        if key is None:
            raise Http404("There is no such key.")
        back = change_url(account)
        if request.method != "POST":
            text = (
                "Whoever uses it is refused at once. Runs it started go on. There is no way back."
            )
            asked = Confirm(f"Revoke {key.name}?", text, "Revoke", True, [shown(key)], back=back)
            return confirm_page(self, request, asked, account)  # type: ignore[arg-type]

        def do() -> str:
            revoke_key(of_member(request.user), key.pk)
            return f"The key {key.name} is revoked."

        attempt(request, do)
        return to(back)
