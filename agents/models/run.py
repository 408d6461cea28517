"""Runs and the steps of their journal."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.models.lookups import GreaterThan

from agents.ids import uuid7
from agents.models.agent import Revision
from agents.models.session import Session

TOOK = models.ExpressionWrapper(F("finished_at") - F("started_at"), models.DurationField())
"""How long a run lasted; of no value while it does."""
SLOW = timedelta(seconds=5)
"""Runs that took longer are in an index by `TOOK`."""


class Run(models.Model):
    """One execution of a revision on an input.

    Written by `agents.runtime` under the run's ticket; `position` counts its journal entries.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        NEEDS_REVIEW = "needs_review", "Needs review"

    LIVE = (Status.QUEUED, Status.RUNNING, Status.PAUSED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10, default="agent")
    slug = models.CharField(max_length=64)
    # Without indexes of their own: those below begin with the same column (see Session).
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    # Of a child run: the run that a member started, whose ticket the whole tree is held by.
    root = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="descendants",
        db_index=False,
    )
    depth = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Where its journal begins; positions of a tree are the root's.
    first_position = models.PositiveIntegerField(default=1, db_default=1)
    # Of a team: the revision of each member, however deep, when the run was started.
    roster = models.JSONField(null=True, blank=True)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs", db_index=False
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    input = models.JSONField()
    output = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    model = models.JSONField(default=dict, blank=True)
    input_tokens = models.BigIntegerField(default=0, db_default=0)
    output_tokens = models.BigIntegerField(default=0, db_default=0)
    cost = models.DecimalField(
        max_digits=20,
        decimal_places=10,
        null=True,
        blank=True,
        help_text="In the tenant's currency, from the prices at the time; empty: no price known.",
    )
    position = models.PositiveIntegerField(default=1, db_default=1)
    resumes = models.PositiveIntegerField(default=0, db_default=0)
    trace_id = models.CharField(max_length=32)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    request_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    # Each time it waited for people: {position, at, resumed_position, resumed_at}.
    pauses = models.JSONField(
        default=list, blank=True, db_default=models.Value([], models.JSONField())
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(status__in=["queued", "running", "paused"], parent__isnull=True),
                name="one_live_run_per_session",
            ),
            models.UniqueConstraint(
                fields=["member", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="idempotency_key_of_member",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"], name="run_of_member"),
            models.Index(fields=["session", "-id"], name="run_of_session"),
            models.Index(fields=["status", "-id"], name="run_by_status"),
            models.Index(fields=["slug", "-id"], name="run_by_slug"),
            models.Index(fields=["trace_id"], name="run_by_trace"),
            models.Index(fields=["root"], condition=Q(root__isnull=False), name="run_of_tree"),
            # Few runs are slow, and only those are in it: quick ones cost it nothing.
            models.Index(TOOK, condition=Q(GreaterThan(TOOK, SLOW)), name="run_slow"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE

    @property
    def waits_for_review(self) -> bool:
        """Whether it is paused for a person to judge what it came to."""
        last = self.pauses[-1] if self.status == self.Status.PAUSED and self.pauses else {}
        return bool(last.get("review")) and "resumed_at" not in last


class Step(models.Model):
    """One journaled thing inside a run. A finished step under a key is never done again."""

    class Kind(models.TextChoices):
        MODEL = "model", "Model call"
        TOOL = "tool", "Tool call"
        DELEGATION = "delegation", "Delegation"
        NODE = "node", "Node"
        GUARDRAIL = "guardrail", "Guardrail"
        PLAN = "plan", "Plan"
        VERIFY = "verify", "Verdict"
        REVIEW = "review", "Review"

    class Status(models.TextChoices):
        STARTED = "started", "Started"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"
        WAITING = "waiting", "Waiting for a person"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    seq = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices)
    attempt = models.PositiveSmallIntegerField(default=1, db_default=1)
    input = models.JSONField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    # What it asked of people, in order, each with what they said; kept when it then goes on.
    asked = models.JSONField(null=True, blank=True)
    input_tokens = models.BigIntegerField(default=0, db_default=0)
    output_tokens = models.BigIntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    started_position = models.PositiveIntegerField()
    finished_position = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["run", "key"], name="step_key_unique"),
            models.UniqueConstraint(fields=["run", "seq"], name="step_seq_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
