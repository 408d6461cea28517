"""Queued jobs are signed with SECRET_KEY; those signed with one of SECRET_KEY_FALLBACKS count too.

The queue's own check of a signature knows one key. Django's, which it repeats word for word but for
the other keys, is put in its place.
"""

from __future__ import annotations

from django.core.signing import Signer
from django_q import core_signing


def accept_fallback_keys() -> None:
    """Once, when the apps are ready."""
    core_signing.Signer.unsign = Signer.unsign
