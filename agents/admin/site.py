"""The console's two sites: who gets in, and what those see who don't."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.forms import AuthenticationForm as PlainAuthenticationForm
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from agents.admin.dashboard import tenant_overview
from agents.admin.password_forms import OwnPasswordView
from agents.admin.scoped import may
from tenants.accounts.scopes import Scope
from tenants.accounts.sign_in_form import PausedSignIn, answer_paused


class ConsoleAuthenticationForm(PausedSignIn, AuthenticationForm):
    """Says what is wrong: a bad password, or a member who may not use the console."""

    error_messages = {
        **PlainAuthenticationForm.error_messages,
        "invalid_login": "That username and password don't belong together, "
        "or the member is suspended.",
        "no_console": "You are a member here, but none of your roles may use the console.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        PlainAuthenticationForm.confirm_login_allowed(self, user)
        if not user.may(Scope.CONSOLE_USE):
            raise ValidationError(self.error_messages["no_console"], code="no_console")


class ConsoleSite(UnfoldAdminSite):
    """An admin site entered with the scope console:use. Both sites have the name "admin"."""

    login_form = ConsoleAuthenticationForm
    enable_nav_sidebar = True
    index_title = "Overview"
    password_change_done_template = "admin/console/password_changed.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return may(request, Scope.CONSOLE_USE)

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not self.has_permission(request):
                if request.path == reverse("admin:logout", current_app=self.name):
                    return self.logout(request)
                return self.refused(request, "None of your roles may use the console.")
            try:
                return inner(request, *args, **kwargs)
            except PermissionDenied as refusal:
                return self.refused(request, str(refusal))

        return guarded

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Whoever is signed in and may not enter is told so, instead of being asked again."""
        if request.user.is_authenticated and not self.has_permission(request):
            return self.refused(request, "None of your roles may use the console.")
        if REDIRECT_FIELD_NAME not in request.GET:
            # Else whoever signs in would land in the app, which the platform doesn't even have.
            index = reverse("admin:index", current_app=self.name)
            return redirect_to_login(index, request.path)
        response = super().login(request, extra_context)
        answer_paused(response, (getattr(response, "context_data", None) or {}).get("form"))
        add_never_cache_headers(response)
        return response

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Back to this console's own sign-in: the app's, the platform doesn't have."""
        back = reverse("admin:login", current_app=self.name)
        return LogoutView.as_view(next_page=back)(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """One's own password: signs out every other browser, token and socket of theirs."""
        view = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        request.current_app = self.name  # type: ignore[attr-defined]
        return view(request)

    def refused(self, request: HttpRequest, reason: str) -> HttpResponse:
        context = {
            **self.each_context(request),
            "title": "Not allowed",
            "reason": reason or "Your roles don't allow this.",
            "inside": self.has_permission(request),
            "roles": getattr(request.user, "roles", ()),
        }
        request.current_app = self.name  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/console/refused.html", context, status=403)


class TenantSite(ConsoleSite):
    """Served at every tenant's host: agents, runs, sessions, members, roles."""

    index_template = "admin/console/tenant_index.html"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().index(request, {**tenant_overview(request), **(extra_context or {})})


tenant_site = TenantSite(name="admin")
