"""Conversations: a session is an ordered series of runs by one member with one component."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from agents.ids import uuid7

# A foreign key whose column begins an index below has none of its own (db_index=False): a run would
# pay for each of them twice.


class Session(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="agent_sessions",
        db_index=False,
    )
    kind = models.CharField(max_length=10, default="agent")
    slug = models.CharField(max_length=64)
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["member", "-updated_at", "-id"], name="session_of_member"),
            models.Index(fields=["-updated_at", "-id"], name="session_used_last"),
            models.Index(fields=["slug", "-updated_at", "-id"], name="session_by_slug"),
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"


class Message(models.Model):
    """What was said in a session: position 0 of a run is the member's, 1 the component's answer."""

    class Role(models.TextChoices):
        USER = "user", "Member"
        ASSISTANT = "assistant", "Component"

    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    run = models.ForeignKey(
        "agents.Run", on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=10, choices=Role.choices)
    content = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["run_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="message_position_unique")
        ]
        indexes = [models.Index(fields=["session", "run", "position"], name="message_of_session")]

    def __str__(self) -> str:
        return self.content[:80]
