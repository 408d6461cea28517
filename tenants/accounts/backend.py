"""The one way a password is checked: every door that signs in goes through here."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from tenants.accounts import sign_ins, throttle
from tenants.accounts.demo import DEMO_PASSWORD
from tenants.accounts.models import Member
from tenants.accounts.places import keep_device, place_of


class ThrottledBackend(ModelBackend):
    """Django's own, within the limits of `throttle`.

    `authenticate` raises TooManyRequests instead of looking at the password. What it does for an
    unknown, a suspended and a right name takes the same time: Django runs the hasher for each.
    In production the demo's password opens no account, whoever has set it.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Member | None:
        if not username or password is None:
            return None
        place = place_of(request)
        attempt = throttle.begin(username, place)
        if settings.REFUSE_DEMO_MEMBERS and password == DEMO_PASSWORD:
            password = secrets.token_hex()
        member = super().authenticate(request, username=username, password=password)
        if not isinstance(member, Member):
            sign_ins.failed(username)
            return None
        attempt.succeeded()
        throttle.remember(member, username, place, keep_device(request))
        return member
