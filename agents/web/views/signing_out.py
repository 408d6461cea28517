"""Signing oneself out everywhere else."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents.web.declare import page
from tenants.accounts.history import record
from tenants.accounts.models import Member
from tenants.accounts.refresh import revoke_all
from tenants.accounts.scopes import Scope


@page(Scope.PROFILE_READ, methods=("POST",))
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End every sign-in of the member but this browser's."""
    member = Member.objects.get(pk=request.user.pk)
    with transaction.atomic():
        revoke_all(member)
        record(member, None, "Signed out everywhere else.")
    update_session_auth_hash(request, member)
    messages.success(request, "You are signed out everywhere but here.")
    return redirect("web:account")
