"""The keys that links are made with: random, one for each installation key that came first.

Kept sealed under SECRETS_KEYS, so that `rotate_secrets` carries old ones over: a link is provable
for as long as its key is there, however often the installation's keys were changed since.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from approvals.audit.models import AuditKey
from tenants.context import current_tenant
from tenants.secret_field import open_secret, put_secret
from tenants.secrets import Unreadable


class KeyGone(Exception):
    """A link's key is not there any more, or opens under none of the installation's keys."""


def newest_key() -> tuple[int, bytes]:
    """The id and bytes of the key for new links; made now where there is none under the first key
    of SECRETS_KEYS. Call it with the sealing lock held.
    """
    mark = _mark()
    key = AuditKey.objects.filter(made_under=mark).order_by("-pk").first()
    if key is None:
        key = AuditKey(made_under=mark)
        put_secret(key, "secret", secrets.token_hex(32))
        key.save()
    return key.pk, _bytes(key)


class Keys:
    """Keys by their id, each opened once."""

    def __init__(self) -> None:
        self._opened: dict[int, bytes] = {}

    def __getitem__(self, key_id: int) -> bytes:
        """Raises KeyGone."""
        if key_id not in self._opened:
            key = AuditKey.objects.filter(pk=key_id).first()
            if key is None:
                raise KeyGone(f"audit key {key_id} is gone")
            self._opened[key_id] = _bytes(key)
        return self._opened[key_id]


def _bytes(key: AuditKey) -> bytes:
    try:
        return bytes.fromhex(open_secret(key, "secret"))
    except (Unreadable, ValueError):
        raise KeyGone(f"audit key {key.pk} opens under none of SECRETS_KEYS") from None


def _mark() -> str:
    """Tells installation keys apart, and nothing about them."""
    if not settings.SECRETS_KEYS:
        raise ImproperlyConfigured("SECRETS_KEYS is empty: the audit log can't be sealed.")
    info = f"concord audit mark 1\0{current_tenant().schema}".encode()
    derived = HKDF(SHA256(), length=8, salt=None, info=info)
    return derived.derive(settings.SECRETS_KEYS[0].encode()).hex()
