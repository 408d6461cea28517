"""Approvals: what a run asks of people, and what they said."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.ids import uuid7
from approvals.models.grant import Grant, Tier

ASKS = "asks"
"""The effect of a workflow's node that asks: what is decided is an answer, not a call."""
_NODE = "node:"
LONGEST_TOOL = 64


def node_tool(node: str) -> str:
    """What stands for the tool where a node asks; no tool is called so."""
    return f"{_NODE}{node}"[:LONGEST_TOOL]


def asker(tool: str) -> str:
    """The name of the tool, or of the node, that asks."""
    return tool.removeprefix(_NODE)


class Approval(models.Model):
    """A request that people decide on one step. Ends once; a second end is refused.

    `confirm`: whether a tool may be called so. `input`: fields that the tool is to be given.
    `external`: the client does the work and gives its result.
    """

    class Kind(models.TextChoices):
        CONFIRM = "confirm", "Confirmation"
        INPUT = "input", "User input"
        EXTERNAL = "external", "External execution"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        ANSWERED = "answered", "Answered"
        EXPIRED = "expired", "Expired"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey("agents.Run", on_delete=models.CASCADE, related_name="approvals")
    # The run a person started: the same as `run` but inside teams and workflows.
    root_run_id = models.UUIDField(db_index=True)
    step_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    component_kind = models.CharField(max_length=10, default="agent")
    component = models.CharField(max_length=64)
    tool = models.CharField(max_length=LONGEST_TOOL)
    arguments = models.JSONField()
    decided_arguments = models.JSONField(null=True, blank=True)
    fields = models.JSONField(
        null=True, blank=True, help_text="JSON schema of what is asked for; of kind input only."
    )
    response = models.JSONField(null=True, blank=True)
    tier = models.CharField(max_length=8, choices=Tier.choices)
    effect = models.CharField(max_length=20, help_text="What the tool does to the world.")
    why = models.CharField(max_length=500, help_text="Why somebody is asked.")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="requested_approvals"
    )
    decider_roles = models.JSONField(default=list)
    quorum = models.PositiveSmallIntegerField(default=1)
    own_requests = models.BooleanField(default=False)
    on_expiry = models.CharField(max_length=8, choices=Grant.OnExpiry.choices)
    escalate_to = models.CharField(max_length=150, blank=True, default="")
    escalated_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="", help_text="Given with the decision.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    trace_id = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "step_key"], name="approval_of_step"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(status="waiting"), name="approval_waiting"
            ),
            models.Index(fields=["status", "-id"], name="approval_by_status"),
            models.Index(fields=["requester", "-id"], name="approval_of_requester"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.get_status_display().lower()}"

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.WAITING


class Decision(models.Model):
    """What one person said about one approval. Enough of the same, and the approval is decided."""

    class Choice(models.TextChoices):
        APPROVE = "approve", "Approve"
        REJECT = "reject", "Reject"
        RESPOND = "respond", "Respond"

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="decisions")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    # Whose duty it was, where the member stood in for somebody.
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decision = models.CharField(max_length=7, choices=Choice.choices)
    arguments = models.JSONField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "member"], name="decision_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()} by {self.member}"


class Delegation(models.Model):
    """An approver's duty lent to another member for a period."""

    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lent_duties"
    )
    substitute = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="borrowed_duties"
    )
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-begins_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("begins_at")), name="delegation_period"
            ),
            models.CheckConstraint(
                condition=~Q(approver=models.F("substitute")), name="delegation_to_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approver} by {self.substitute}"
