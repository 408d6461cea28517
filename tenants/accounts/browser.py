"""The member behind a browser's session cookie, for doors Django's middleware doesn't guard."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from tenants.accounts.models import Member
from tenants.accounts.principal import Principal, principal_of
from tenants.hop import hop


def member_of_session(key: str) -> int | None:
    """The id of the active member signed in under this session of the active tenant, or None."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user.pk if isinstance(user, Member) and user.is_active else None


async def by_session(key: str) -> Principal | None:
    """The principal signed in under this session now, or None."""
    member_id = await hop(member_of_session, key)
    return await principal_of(member_id) if member_id is not None else None
