"""Whatever changes a member tells every process, through the ORM's signals: no verb can forget to.

Only a bare `QuerySet.update` passes by; who writes one sends the notice too.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save

from tenants import notices
from tenants.accounts.models import Member, ServiceAccount

# Written at each sign-in by Django, and nobody's right depends on it.
_WITHOUT_EFFECT = frozenset({"last_login"})


def connect() -> None:
    for model in (Member, ServiceAccount):
        post_save.connect(_saved, sender=model, dispatch_uid=f"notice of a saved {model}")
        post_delete.connect(_deleted, sender=model, dispatch_uid=f"notice of a deleted {model}")
    m2m_changed.connect(_roles, sender=Member.groups.through, dispatch_uid="notice of roles")
    user_logged_out.connect(_left, dispatch_uid="notice of a sign-out")


def _saved(instance: Member, created: bool, update_fields: Any = None, **kwargs: Any) -> None:
    if not created and not (update_fields and set(update_fields) <= _WITHOUT_EFFECT):
        notices.notify("member", id=instance.pk)


def _deleted(instance: Member, **kwargs: Any) -> None:
    notices.notify("member", id=instance.pk)


def _roles(instance: Any, action: str, pk_set: set[int] | None, **kwargs: Any) -> None:
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    if isinstance(instance, Member):
        notices.notify("member", id=instance.pk)
    else:  # from the role's side, where clearing does not say whom
        for pk in pk_set or ():
            notices.notify("member", id=pk)
        if pk_set is None:
            notices.notify("member")


def _left(user: Any, **kwargs: Any) -> None:
    if isinstance(user, Member):
        notices.notify("member", id=user.pk)
