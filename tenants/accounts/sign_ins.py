"""Signing in and out, told as they happen: by pages and by the API, right and wrong.

Of a failed try only the member is told whose name it was: people type passwords into that field.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out

from tenants import happened
from tenants.accounts.models import Member


def connect() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="a sign-in is told")
    user_logged_out.connect(_logged_out, dispatch_uid="a sign-out is told")


def succeeded(member: Member, via: str) -> None:
    """`member` signed in, and from here on it is they who act. `via`: token or session."""
    actor = happened.Actor(member.pk, str(member), via)
    happened.acting_as(actor)
    happened.tell("sign_in.ok", target=("member", member.pk, str(member)), actor=actor)


def failed(username: str) -> None:
    """A wrong password, an unknown name or a suspended member: to the outside all the same."""
    member = Member.objects.filter(username=Member.normalize_username(username)).first()
    target = ("member", member.pk, str(member)) if member else ("member", "", "")
    happened.tell("sign_in.failed", target=target, result="refused", actor=happened.Actor())


def _logged_in(user: Any, **kwargs: Any) -> None:
    if isinstance(user, Member):
        succeeded(user, "session")


def _logged_out(user: Any, **kwargs: Any) -> None:
    if isinstance(user, Member):
        actor = happened.Actor(user.pk, str(user), "session")
        happened.tell("sign_out", target=("member", user.pk, str(user)), actor=actor)
