"""Signing in and out of the tenant whose host this is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from agents.web.declare import public_page
from agents.web.forms import SignInForm
from tenants.accounts.sign_in_form import answer_paused


class SignIn(LoginView):
    """Django's own checks `next`: it only ever leads to this host."""

    template_name = "web/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        answer_paused(response, form)
        return response


sign_in = public_page("whoever signs in isn't known yet")(SignIn.as_view())


@public_page("signing out when one isn't signed in does no harm")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("web:sign-in")
