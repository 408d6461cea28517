"""Becoming a member by an invitation's link."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.debug import sensitive_post_parameters

from agents.web.declare import public_page
from agents.web.recovery_forms import AcceptForm
from agents.web.views.reset import home_of, sign_in_of, welcome
from config.errors import NotFound
from tenants.accounts.invitations import accept, invitation_of
from tenants.accounts.models import Invitation, Member

_IN_SESSION = "invitation"


@public_page("the link is the proof")
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Takes the secret out of the address, so that no page leaks it to another site or a log."""
    try:
        invitation_of(token)
    except NotFound:
        return _over(request)
    request.session[_IN_SESSION] = token
    response = redirect("invitation")
    add_never_cache_headers(response)
    return response


@public_page("the link that led here is the proof")
@sensitive_post_parameters()
def invitation(request: HttpRequest) -> HttpResponse:
    token = str(request.session.get(_IN_SESSION, ""))
    try:
        found = invitation_of(token)
        form = AcceptForm(request.POST or None, instance=Member(email=found.email))
        if request.method == "POST" and form.is_valid():
            return _accepted(request, token, form)
    except NotFound:
        return _over(request)
    return _page(request, found, form)


def _accepted(request: HttpRequest, token: str, form: AcceptForm) -> HttpResponse:
    given = form.cleaned_data
    member = accept(
        token,
        username=given["username"],
        name=given["name"],
        password=given["password1"],
        time_zone=given["time_zone"],
    )
    request.session.pop(_IN_SESSION, None)
    login(request, member)
    welcome(request, member)
    return redirect(home_of(request))


def _page(request: HttpRequest, found: Invitation, form: AcceptForm) -> HttpResponse:
    context = {"invitation": found, "form": form}
    response = render(request, "web/invitation.html", context, status=422 if form.errors else 200)
    add_never_cache_headers(response)
    return response


def _over(request: HttpRequest) -> HttpResponse:
    context = {"sign_in_url": sign_in_of(request)}
    response = render(request, "web/invitation_over.html", context, status=410)
    add_never_cache_headers(response)
    return response
