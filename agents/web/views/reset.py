"""A forgotten password: asking for the mail, and setting a new one by its link."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from agents.web.declare import public_page
from agents.web.recovery_forms import ForgotForm, ResetForm
from tenants.accounts import throttle
from tenants.accounts.models import Member
from tenants.accounts.places import keep_device, place_of
from tenants.accounts.reset import ask_reset, reset_tokens


def home_of(request: HttpRequest) -> str:
    """Where a member begins here: the app, or the console of the platform, which has no app."""
    platform = request.tenant.kind == "platform"  # type: ignore[attr-defined]
    return reverse("admin:index") if platform else reverse("web:home")


def sign_in_of(request: HttpRequest) -> str:
    platform = request.tenant.kind == "platform"  # type: ignore[attr-defined]
    return reverse("admin:login") if platform else reverse("web:sign-in")


def welcome(request: HttpRequest, member: Member) -> None:
    """Whoever came by a link is known here from now on, as if they had signed in before."""
    throttle.remember(member, member.username, place_of(request), keep_device(request))


@public_page("whoever forgot their password can't sign in")
def forgot(request: HttpRequest) -> HttpResponse:
    form = ForgotForm(request.POST or None)
    if request.method == "POST" and settings.MAIL_IS_SENT and form.is_valid():
        ask_reset(form.cleaned_data["who"], place_of(request))
        return redirect("forgot-password-sent")
    context = {
        "form": form,
        "mail_is_sent": settings.MAIL_IS_SENT,
        "sign_in_url": sign_in_of(request),
    }
    response = render(request, "web/forgot.html", context)
    add_never_cache_headers(response)
    return response


@public_page("says nothing about anybody")
def forgot_sent(request: HttpRequest) -> HttpResponse:
    minutes = settings.RESET_SECONDS // 60
    context = {"minutes": minutes, "sign_in_url": sign_in_of(request)}
    return render(request, "web/forgot_sent.html", context)


class Reset(PasswordResetConfirmView):
    """Django's own moves the token from the address into the session before it shows a page."""

    form_class = ResetForm
    template_name = "web/reset.html"
    token_generator = reset_tokens
    post_reset_login = True

    def get_user(self, uidb64: str) -> Member | None:
        member = super().get_user(uidb64)
        return member if isinstance(member, Member) and member.is_active else None

    def get_success_url(self) -> str:
        return home_of(self.request)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        welcome(self.request, self.user)
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        status = 200 if self.validlink else 410
        return super().render_to_response(context, status=status, **kwargs)


reset = public_page("the link from the mail is the proof")(Reset.as_view())
