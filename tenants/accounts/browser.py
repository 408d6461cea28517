"""The member behind a browser's session cookie: on pages, and at doors that are no pages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tenants.accounts.models import Member
from tenants.accounts.principal import Principal, principal_of
from tenants.hop import hop


class SignedInMiddleware(AuthenticationMiddleware):
    """Django's own, but a session keeps its name while SECRET_KEY is changed.

    Django would give a session signed with one of SECRET_KEY_FALLBACKS another name: whatever else
    the browser asks at that moment would find none, and would sign it out.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _member_asking(request))


def _member_asking(request: HttpRequest) -> Any:
    if not hasattr(request, "_cached_user"):
        looking = HttpRequest()
        looking.session = _KeepsName(request.session)
        request._cached_user = get_user(looking)
    return request._cached_user


class _KeepsName:
    """A session as `get_user` knows it; its name stays, and the rest is done to the real one."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getitem__(self, key: str) -> Any:
        return self._session[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._session[key] = value

    def get(self, key: str) -> Any:
        return self._session.get(key)

    def cycle_key(self) -> None:
        """A new name is for signing in."""

    def flush(self) -> None:
        self._session.flush()


class _Glance(dict[str, Any]):
    """What a session holds, only looked at: no cookie could tell the browser of a change."""

    def cycle_key(self) -> None:
        """The next page renews it."""

    def flush(self) -> None:
        """It is no sign-in, and the next page ends it."""


def member_of_session(key: str) -> int | None:
    """The id of the active member signed in under this session of the active tenant, or None."""
    request = HttpRequest()
    request.session = _Glance(import_module(settings.SESSION_ENGINE).SessionStore(key).load())
    user = get_user(request)
    return user.pk if isinstance(user, Member) and user.is_active else None


async def by_session(key: str) -> Principal | None:
    """The principal signed in under this session now, or None."""
    member_id = await hop(member_of_session, key)
    return await principal_of(member_id) if member_id is not None else None
