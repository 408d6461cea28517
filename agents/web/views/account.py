"""One's own account: display name, time zone, password."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents.limits.bars import Bar, bars
from agents.limits.report import report
from agents.web.declare import page, who
from agents.web.forms import NewPasswordForm, ProfileForm
from agents.web.shell import render_page
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


@page(Scope.PROFILE_READ, methods=("GET", "POST"))
def account(request: HttpRequest) -> HttpResponse:
    # A row of its own: a form that doesn't validate must not change the member shown around it.
    member = Member.objects.get(pk=request.user.pk)
    profile = ProfileForm(request.POST or None, instance=member)
    if request.method == "POST" and profile.is_valid():
        profile.save()
        messages.success(request, "Your profile is saved.")
        return redirect("web:account")
    return _show(request, profile, NewPasswordForm(request))


@page(Scope.PROFILE_READ, methods=("GET", "POST"))
def password(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("web:account")
    form = NewPasswordForm(request, request.POST)
    if form.is_valid():
        member = form.save()
        # Other browsers are signed out by the change; this one stays.
        update_session_auth_hash(request, member)
        messages.success(request, "Your password is changed.")
        return redirect("web:account")
    return _show(request, ProfileForm(instance=request.user), form)


def _show(
    request: HttpRequest, profile: ProfileForm, new_password: NewPasswordForm
) -> HttpResponse:
    wrong = profile.errors or new_password.errors
    return render_page(
        request,
        "web/account.html",
        {"profile": profile, "new_password": new_password, "use_bars": _use(request)},
        status=422 if wrong else 200,
    )


def _use(request: HttpRequest) -> list[Bar] | None:
    """The member's own use where there is a limit or something used; None: not theirs to see.

    The tenant's own use and limits are not shown to members.
    """
    me = who(request)
    if not me.may(Scope.USAGE_READ):
        return None
    uses = report([me.member_id]).members[me.member_id]
    told = [use for use in uses if use.most is not None or (use.kind.is_budget and use.used)]
    return bars(told, me.time_zone)
