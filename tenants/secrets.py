"""Secrets of tenants at rest: sealed with the installation's keys, bound to tenant and purpose.

SECRETS_KEYS lists the installation's keys: the first seals, all of them open, so that a new one can
be put in front while `manage.py rotate_secrets` moves what is stored onto it. Each key is stretched
per tenant and purpose: a sealed value that is copied into another tenant's row, or into another
column, opens nowhere.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tenants.context import current_tenant

# What a sealed value begins with; another way of sealing would have another mark.
_MARK = "s1:"


class Unreadable(Exception):
    """A sealed value opens under none of the keys: a lost key, or a value from elsewhere."""


def seal(text: str, purpose: str) -> str:
    """`text` under the first key, for the active tenant and `purpose` ("providers.provider.x")."""
    return _MARK + _box(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, purpose: str) -> str:
    """What was sealed here for this purpose. Raises `Unreadable`."""
    try:
        return _box(purpose).decrypt(_token(sealed)).decode()
    except InvalidToken:
        raise Unreadable(
            f"a secret of {purpose} opens under none of the keys in SECRETS_KEYS"
        ) from None


def reseal(sealed: str, purpose: str) -> str | None:
    """The same secret under the first key; None when it is under that one already.

    Raises `Unreadable`.
    """
    first = _fernet(_keys()[0], current_tenant().schema, purpose)
    try:
        first.decrypt(_token(sealed))
    except InvalidToken:
        return seal(unseal(sealed, purpose), purpose)
    return None


def _token(sealed: str) -> bytes:
    if not sealed.startswith(_MARK):
        raise InvalidToken
    return sealed.removeprefix(_MARK).encode()


def _box(purpose: str) -> MultiFernet:
    schema = current_tenant().schema
    return MultiFernet([_fernet(key, schema, purpose) for key in _keys()])


def _keys() -> tuple[str, ...]:
    keys = tuple(settings.SECRETS_KEYS)
    if not keys:
        raise ImproperlyConfigured("SECRETS_KEYS is empty: secrets can't be kept without a key.")
    return keys


@lru_cache(maxsize=2048)
def _fernet(key: str, schema: str, purpose: str) -> Fernet:
    info = "\0".join(("concord secret 1", schema, purpose)).encode()
    stretched = HKDF(SHA256(), length=32, salt=None, info=info).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(stretched))
