"""What is remembered about signing in: failed tries, and places where a member is known.

Keys are keyed hashes: neither what somebody typed nor an address can be read from these tables.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class TryCount(models.Model):
    """Tries of one kind at one thing, until they are forgotten. Written by `throttle` alone."""

    key = models.CharField(max_length=64, primary_key=True)
    tries = models.PositiveIntegerField()
    blocked_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return f"{self.key}: {self.tries}"


class KnownPlace(models.Model):
    """An address or a device from which a member has signed in."""

    key = models.CharField(max_length=64, primary_key=True)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_places"
    )
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return self.key
