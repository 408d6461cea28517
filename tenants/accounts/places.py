"""Where somebody signs in from: an address, and a device that a cookie recognises again.

The cookie holds a random name and no right: it only tells a browser in which a member has signed
in before from one that nobody knows, so that strangers' failed tries don't shut the member out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config.proxies import client_address, counted_as

DEVICE_COOKIE = "device"
_DEVICE = re.compile(r"[A-Za-z0-9_-]{43}\Z")

Next = Callable[[HttpRequest], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Place:
    """`address`: as limits count it, "" if unknown. `device`: the cookie's name, "" without one."""

    address: str = ""
    device: str = ""


def place_of(request: HttpRequest | None) -> Place:
    """The place of a request; of none (a command, a test) it is nowhere."""
    if request is None:
        return Place()
    address = client_address(
        request.META.get("REMOTE_ADDR") or "",
        request.headers.get("X-Forwarded-For", ""),
        settings.TRUSTED_PROXIES,
    )
    device = request.COOKIES.get(DEVICE_COOKIE, "")
    return Place(counted_as(address), device if _DEVICE.match(device) else "")


def keep_device(request: HttpRequest | None) -> str:
    """The name of this browser's device, made now if it has none yet; "" where no page answers.

    The cookie itself is set by `DeviceMiddleware`, on the way out.
    """
    if request is None or not hasattr(request, "keeps_device"):
        return ""
    device = place_of(request).device or secrets.token_urlsafe(32)
    request.device_to_keep = device
    return device


class DeviceMiddleware:
    """Of pages: gives a browser in which somebody has just signed in its cookie, or renews it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.keeps_device = True
        response = self.get_response(request)
        device = getattr(request, "device_to_keep", "")
        if device:
            response.set_cookie(
                DEVICE_COOKIE,
                device,
                max_age=settings.SIGN_IN_DEVICE_DAYS * 86_400,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
