"""The tables of the audit log. Triggers refuse to change them: see the migration that makes them.

Nothing here points at another table: an entry outlives whatever it tells of.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.secret_field import SecretField


class AuditEntry(models.Model):
    """One thing that happened. Written freely, by many at once; sealed within about a second."""

    class Result(models.TextChoices):
        OK = "ok", "OK"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"

    class Via(models.TextChoices):
        SESSION = "session", "Browser"
        TOKEN = "token", "Token"
        KEY = "key", "API key"
        AGENT = "agent", "Agent on behalf of"
        PLATFORM = "platform", "Platform"
        SYSTEM = "system", "System"
        DATABASE = "database", "Database, past the application"
        NOBODY = "", "Nobody signed in"

    at = models.DateTimeField(db_default=Now(), editable=False)  # a trigger sets it
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200, blank=True, default="")
    via = models.CharField(max_length=10, choices=Via.choices, blank=True, default="")
    credential = models.CharField(max_length=64, blank=True, default="")
    # Byte order, so that the index also has all actions that begin alike.
    action = models.CharField(max_length=64, db_collation="C")
    target_type = models.CharField(max_length=32, blank=True, default="")
    target_id = models.CharField(max_length=64, blank=True, default="")
    target_name = models.CharField(max_length=200, blank=True, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    detail = models.JSONField(null=True)
    address = models.CharField(max_length=45, blank=True, default="")
    trace_id = models.CharField(max_length=32, blank=True, default="")
    run_id = models.UUIDField(null=True)
    result = models.CharField(max_length=8, choices=Result.choices, default=Result.OK)

    class Meta:
        app_label = "approvals"
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["target_type", "target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["run_id"], condition=Q(run_id__isnull=False), name="audit_by_run"),
            models.Index(fields=["trace_id"], name="audit_by_trace"),
            # Few are not ok, and only those are in it.
            models.Index(
                fields=["result", "-id"],
                condition=Q(result__in=["refused", "failed"]),
                name="audit_not_ok",
            ),
            BrinIndex(fields=["at"], name="audit_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}".strip()


class AuditKey(models.Model):
    """A random key that seals are made with, itself sealed under SECRETS_KEYS like any secret.

    `manage.py rotate_secrets` moves it onto a new installation key, so that old seals stay provable
    when the old installation key is gone; new seals are then made with a new key of their own.
    """

    secret = SecretField()
    # Which installation key was the first when it was made: no secret, and not the key.
    made_under = models.CharField(max_length=16)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        app_label = "approvals"

    def __str__(self) -> str:
        return f"audit key {self.pk}"


class AuditSeal(models.Model):
    """A link of the chain: an HMAC over the link before it and one entry's bytes.

    `floor`: every entry up to this id was sealed, or had never been committed, when this link was
    made. An entry at or below it that is sealed later was put in by hand.
    """

    seq = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    sealed_at = models.DateTimeField()
    floor = models.BigIntegerField()
    key_id = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        app_label = "approvals"

    def __str__(self) -> str:
        return f"seal {self.seq}"


class AuditCheckpoint(models.Model):
    """What stands for links that were pruned: the last one's number and hash, signed."""

    seq = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField(max_length=32)
    floor = models.BigIntegerField()
    entries = models.BigIntegerField(help_text="How many were pruned since the checkpoint before.")
    oldest_at = models.DateTimeField()
    newest_at = models.DateTimeField()
    made_at = models.DateTimeField()
    key_id = models.BigIntegerField()
    signature = models.BinaryField(max_length=32)

    class Meta:
        app_label = "approvals"

    def __str__(self) -> str:
        return f"checkpoint at {self.seq}"


class AuditHead(models.Model):
    """The one row that says where the chain ends, signed: a tail that is cut off is missed.

    The `next_` columns are the sealer's own notes on how far the floor may rise.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    seq = models.BigIntegerField(default=0)
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(null=True)
    key_id = models.BigIntegerField()
    signature = models.BinaryField(max_length=32)
    floor = models.BigIntegerField(default=0)
    next_floor = models.BigIntegerField(null=True)
    next_at = models.DateTimeField(null=True)
    next_xmax = models.BigIntegerField(null=True)

    class Meta:
        app_label = "approvals"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="audit_head_once")]

    def __str__(self) -> str:
        return f"head at {self.seq}"
