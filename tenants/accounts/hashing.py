"""Threads of their own for what runs the password hasher, which is slow on purpose.

Among the other threads a flood of sign-ins would keep every other request of the API waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.conf import settings

from config.errors import Unavailable
from tenants.hop import Hop

P = ParamSpec("P")
T = TypeVar("T")

WAITING_MAX = 50  # for each thread: about twenty seconds' worth of hashing

_hop = Hop("password", settings.PASSWORD_THREADS)
_waiting = 0


async def password_hop(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`work` as one unit on one of PASSWORD_THREADS threads. Unavailable when too many wait."""
    global _waiting
    if _waiting >= WAITING_MAX * settings.PASSWORD_THREADS:
        raise Unavailable(
            "Too many members are signing in at once: try again in some seconds.",
            headers={"Retry-After": "5"},
        )
    _waiting += 1
    try:
        return await _hop(work, *args, **kwargs)
    finally:
        _waiting -= 1
