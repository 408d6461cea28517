"""What a real installation must not be started with, found in its settings: all of it at once.

The production settings ask at their end; a system check asks again about the settings in force, so
that a module which is derived from them is held to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.keys import DEVELOPMENT_PREFIX

# As Django's own deployment check counts them.
KEY_LENGTH = 50
KEY_CHARACTERS = 5

_MAKE_ONE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"


class Unfit(ImproperlyConfigured):
    """The settings are not fit for production; the text lists everything that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        lines = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"these settings are not fit for production:\n{lines}")


def faults(settings: Any) -> list[str]:
    """A sentence for each thing that is wrong, with the setting's name and what mends it.

    `settings` has Django's settings as attributes. No sentence holds a secret.
    """
    return [
        *_keys(settings),
        *_hosts(settings),
        *_cookies(settings),
        *_models(settings),
        *_rest(settings),
    ]


def _keys(settings: Any) -> Iterator[str]:
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        why = _why_unfit(getattr(settings, name, ""))
        if why:
            yield f"{name} {why}: {_MAKE_ONE}"
    sealing = list(settings.SECRETS_KEYS)
    if not sealing:
        yield f"SECRETS_KEYS is not set, and seals what tenants keep secret: {_MAKE_ONE}"
    lists = {
        "SECRETS_KEYS": sealing,
        "SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS,
        "JWT_ACCEPTED_KEYS": settings.JWT_ACCEPTED_KEYS,
    }
    for name, keys in lists.items():
        for number, key in enumerate(keys, 1):
            why = _why_unfit(key)
            if why:
                yield f"{name}: key {number} of {len(keys)} {why}: {_MAKE_ONE}"


def _why_unfit(key: str) -> str:
    if not key:
        return "is not set"
    if key.startswith(DEVELOPMENT_PREFIX) or key.startswith("django-insecure-"):
        return "is a development key"
    if len(key) < KEY_LENGTH or len(set(key)) < KEY_CHARACTERS:
        return (
            f"can be guessed, a key has at least {KEY_LENGTH} characters and {KEY_CHARACTERS} "
            "different ones"
        )
    return ""


def _hosts(settings: Any) -> Iterator[str]:
    hosts = list(settings.ALLOWED_HOSTS)
    if not hosts:
        yield "ALLOWED_HOSTS is not set: name the hosts served, such as .example.com"
    for host in hosts:
        if _is_wide(host):
            yield f"ALLOWED_HOSTS={host} is as good as every host: name yours, such as .example.com"
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        parts = urlsplit(origin)
        if parts.scheme != "https":
            yield f"CSRF_TRUSTED_ORIGINS={origin} is not https: forms could be sent from plain HTTP"
        elif _is_wide(parts.netloc.removeprefix("*")):
            yield (
                f"CSRF_TRUSTED_ORIGINS={origin} lets pages of others send forms: name your own, "
                "such as https://*.example.com"
            )
    trusted = settings.TRUSTED_PROXIES
    for network in () if isinstance(trusted, int) else trusted:
        if isinstance(network, (IPv4Network, IPv6Network)) and network.prefixlen == 0:
            yield f"TRUSTED_PROXIES={network} believes everybody: name the proxies' networks"


def _is_wide(host: str) -> bool:
    """Whether this pattern of hosts takes in those of others."""
    name = host.strip().rstrip(".")
    if not name or "*" in name:
        return True
    return name.startswith(".") and name.count(".") == 1 and name != ".localhost"


def _cookies(settings: Any) -> Iterator[str]:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        if not getattr(settings, name, False):
            yield f"{name} is off: the cookie would travel over plain HTTP"
    if not settings.SESSION_COOKIE_HTTPONLY:
        yield "SESSION_COOKIE_HTTPONLY is off: scripts could read the session"
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN"):
        if getattr(settings, name, None):
            yield f"{name} is set: one tenant's cookie would be sent to the others' hosts"
    if not settings.PUBLIC_URL.startswith("https://"):
        yield "PUBLIC_URL is not https: links in mails would lead to plain HTTP"


def _models(settings: Any) -> Iterator[str]:
    if settings.MODEL_BASE_URL:
        if not settings.MODEL_NAME:
            yield "MODEL_NAME is not set: name a model that MODEL_BASE_URL serves"
    elif not settings.TENANT_MODELS_ONLY:
        yield (
            "MODEL_BASE_URL is not set, so the offline demo model would answer: set it and "
            "MODEL_NAME, or TENANT_MODELS_ONLY=1 where tenants bring models of their own"
        )


def _rest(settings: Any) -> Iterator[str]:
    if not settings.DATABASE_URL:
        yield "DATABASE_URL is not set: the embedded database is for one machine"
    if settings.DEBUG:
        yield "DEBUG is on: pages of errors would show settings and data"


def refuse(found: Iterable[str]) -> None:
    """Raises `Unfit` when there is anything."""
    listed = list(found)
    if listed:
        raise Unfit(listed)
