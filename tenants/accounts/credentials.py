"""What stands behind a bearer token: families of refresh tokens, and keys of service accounts."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


class TokenFamily(models.Model):
    """One sign-in by the API and every token that came of it by refreshing.

    `jti` is the one refresh token that is good now. Any other of the family was traded before:
    whoever shows it, or whoever traded it, is not who signed in, so the family ends.
    """

    class Reason(models.TextChoices):
        SIGNED_OUT = "signed_out", "Signed out"
        REUSED = "reused", "A used refresh token came again"
        EVERYWHERE = "everywhere", "Signed out everywhere"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="token_families"
    )
    jti = models.CharField(max_length=64)
    # The member's sign-in stamp then: a changed password ends the family, whoever changed it.
    stamp = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True)

    class Meta:
        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return str(self.id)


class ApiKey(models.Model):
    """A key of a service account. The secret is shown once; here is only its SHA-256.

    That is enough for 256 random bits: there is nothing to guess that a slow hash would slow down.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys"
    )
    name = models.CharField(max_length=100, help_text="What it is for, and where it is kept.")
    public_id = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=64))
    expires_at = models.DateTimeField(null=True, blank=True)
    rate = models.PositiveIntegerField(
        "requests per minute",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1_000_000)],
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    # Requests of the minute (of the epoch) last written, of all processes together.
    minute = models.BigIntegerField(default=0, editable=False)
    minute_count = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.public_id})"

    def state(self, now: datetime | None = None) -> Any:
        """One of `State`."""
        if self.revoked_at is not None:
            return ApiKey.State.REVOKED
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return ApiKey.State.EXPIRED
        return ApiKey.State.ACTIVE
