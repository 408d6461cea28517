"""Tickets and executors: shared rows about live runs of every tenant, and about who carries them.

A ticket is written with its run and deleted at its end. Whoever holds the lease owns the run; the
fence grows with each claim, and a write under an old fence fails.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Ticket(models.Model):
    run_id = models.UUIDField(primary_key=True)
    schema = models.CharField(max_length=41)
    kind = models.CharField(max_length=10, default="agent")
    slug = models.CharField(max_length=64)
    member_id = models.BigIntegerField()
    priority = models.SmallIntegerField(default=0, db_default=0)
    not_before = models.DateTimeField(db_default=Now())
    owner = models.CharField(max_length=120, blank=True, default="", db_default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=0, db_default=0)
    cancel_requested = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "live run"
        ordering = ["created_at"]
        # A run that starts in its own process is never in the first two: only what waits is.
        indexes = [
            models.Index(
                fields=["schema", "-priority", "created_at"],
                condition=Q(owner=""),
                name="ticket_waiting",
            ),
            models.Index(
                fields=["schema", "member_id", "-priority", "created_at"],
                condition=Q(owner=""),
                name="ticket_waiting_of_member",
            ),
            models.Index(
                fields=["schema", "member_id"], condition=~Q(owner=""), name="ticket_held"
            ),
            models.Index(fields=["lease_until"], condition=~Q(owner=""), name="ticket_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.schema} {self.run_id}"


class Paused(models.Model):
    """A live run that waits for people: nobody holds it, and it is in no queue.

    Its ticket is put back, fence and all, by the decision it waits for, by a cancel, or when it is
    due: then what it waits for has expired.
    """

    run_id = models.UUIDField(primary_key=True)
    schema = models.CharField(max_length=41)
    kind = models.CharField(max_length=10)
    slug = models.CharField(max_length=64)
    member_id = models.BigIntegerField()
    priority = models.SmallIntegerField()
    fence = models.BigIntegerField()
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()

    class Meta:
        verbose_name = "paused run"
        verbose_name_plural = "paused runs"
        ordering = ["due_at"]
        indexes = [
            models.Index(fields=["due_at"], name="paused_due"),
            models.Index(fields=["schema", "paused_at"], name="paused_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.schema} {self.run_id}"


class Executor(models.Model):
    """A process that carries runs, or may: written and renewed by itself, for the fleet's page.

    Nothing is decided by it but which owners of a machine to look after; leases decide the rest.
    """

    class Kind(models.TextChoices):
        WEB = "web", "Web process"
        ALONE = "executor", "Executor"

    owner = models.CharField(max_length=120, primary_key=True)
    host = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    capacity = models.PositiveIntegerField()
    draining = models.BooleanField(default=False, db_default=False)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["host", "started_at"]
        indexes = [models.Index(fields=["host"], name="executor_of_host")]

    def __str__(self) -> str:
        return self.owner
