"""Invitations: who may become a member, with which roles, until when."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

PENDING, ACCEPTED, EXPIRED, REVOKED = STATES = ("pending", "accepted", "expired", "revoked")


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def in_state(self, state: str) -> InvitationQuerySet:
        """Those that are `state` now, one of STATES."""
        untouched = Q(accepted_at=None, revoked_at=None)
        now = timezone.now()
        return self.filter(
            {
                PENDING: untouched & Q(expires_at__gt=now),
                EXPIRED: untouched & Q(expires_at__lte=now),
                ACCEPTED: ~Q(accepted_at=None),
                REVOKED: Q(accepted_at=None) & ~Q(revoked_at=None),
            }[state]
        )


class Invitation(models.Model):
    """One invitation by mail. Written by `tenants.accounts.invitations` alone.

    The link's secret isn't stored: it is signed over `nonce`, so a new nonce ends the old link.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("mail address")
    roles = models.JSONField(default=list)
    nonce = models.CharField(max_length=40, default=new_nonce, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="invitations_made",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField("mail sent", null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="invitations_accepted",
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        app_label = "accounts"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="invitation_newest")]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"

    @property
    def state(self) -> str:
        """One of STATES, as of now."""
        if self.accepted_at is not None:
            return ACCEPTED
        if self.revoked_at is not None:
            return REVOKED
        return PENDING if self.expires_at > timezone.now() else EXPIRED
