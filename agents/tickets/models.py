"""Tickets: one shared row for every live run of every tenant. Queue, ownership and fleet in one.

A ticket is written with its run and deleted at its end. Whoever holds the lease owns the run; the
fence grows with each claim, and a write under an old fence fails.
"""

from __future__ import annotations

from django.db import models
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
        indexes = [
            models.Index(fields=["lease_until", "not_before"], name="ticket_claimable"),
            models.Index(fields=["owner"], name="ticket_of_owner"),
            models.Index(fields=["schema"], name="ticket_of_schema"),
        ]

    def __str__(self) -> str:
        return f"{self.schema} {self.run_id}"
