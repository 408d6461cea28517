"""Middleware of pages: response headers, the tenant's urls, the member's time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from config.trace import note_member
from tenants import happened

Next = Callable[[HttpRequest], HttpResponseBase]

_EVERYWHERE = "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
_APP_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    f"font-src 'self'; manifest-src 'self'; {_EVERYWHERE}; connect-src 'self'"
)
# The console's theme (Alpine) evaluates its attributes, and writes its colours and widths into the
# page: evaluation and inline styles are allowed there, and there alone. No inline script anywhere.
_CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; font-src 'self' data:; {_EVERYWHERE}; connect-src 'self'"
)
# The API's documentation, which writes its styles into the page.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; font-src 'self'; {_EVERYWHERE}; connect-src 'self'"
)


class SecurityHeadersMiddleware:
    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        console = request.path.startswith("/admin/")
        policy = _CONSOLE_POLICY if console else _APP_POLICY + _socket(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=()"
        )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def _socket(request: HttpRequest) -> str:
    """The socket's address for browsers to which 'self' means pages alone."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return ""
    return f" {'wss' if request.is_secure() else 'ws'}://{host}"


class TenantUrlconfMiddleware:
    """The platform's host has urls of its own; every tenant's host has the product's."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.tenant.kind == "platform":
            request.urlconf = settings.PLATFORM_URLCONF
        return self.get_response(request)


class MemberTimeZoneMiddleware:
    """Times are shown in the signed-in member's zone, and what they do is known to be theirs."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = ""
        if request.user.is_authenticated:
            name = getattr(request.user, "time_zone", "")
            note_member(request.user.pk)
            happened.acting_as(happened.Actor(request.user.pk, str(request.user), "session"))
        try:
            zone = zoneinfo.ZoneInfo(name) if name else None
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            zone = None
        with timezone.override(zone):
            return self.get_response(request)
