"""A member's own notes: what the built-in note tools write."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Note(models.Model):
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes"
    )
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.text[:80]
