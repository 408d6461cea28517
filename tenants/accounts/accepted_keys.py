"""Tokens signed with another of the installation's keys: that before, or the one to come.

JWT_SIGNING_KEY signs; what JWT_ACCEPTED_KEYS signed is good as well, so that a key can be changed
while processes with either are at work, and while tokens of the old one are in use.
"""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import Token


def verified(raw: str, kind: type[Token]) -> Token:
    """The token, if one of the keys signed it. Raises what simplejwt raises."""
    try:
        return kind(raw)  # type: ignore[arg-type]
    except ExpiredTokenError:  # the signature was right
        raise
    except TokenError:
        for key in settings.JWT_ACCEPTED_KEYS:
            try:
                return _signed_with(key, kind)(raw)  # type: ignore[arg-type]
            except ExpiredTokenError:
                raise
            except TokenError:
                continue
        raise


@lru_cache(maxsize=32)
def _signed_with(key: str, kind: type[Token]) -> type[Token]:
    """The kind of token, verified with this key instead of the signing key."""
    backend = TokenBackend(settings.SIMPLE_JWT["ALGORITHM"], key)
    return type(kind.__name__, (kind,), {"_token_backend": backend})
