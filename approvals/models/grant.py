"""Grants: under which tier an agent may use a tool, and who has to agree."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.accounts.scopes import ROLES, Scope


class Tier(models.TextChoices):
    """How freely a tool may be used, each stricter than the one before."""

    FREE = "free", "Free"
    AUDITED = "audited", "Audited"
    USER = "user", "User approval"
    ADMIN = "admin", "Admin sign-off"

    @property
    def rank(self) -> int:
        return list(Tier).index(self)


class Grant(models.Model):
    """What holds when an agent calls a tool; without an agent, what holds for every agent.

    An agent's own grant comes before the one for every agent, which comes before what the tool
    declares. A team's grant holds besides, for what its members do in it. Looked up at call time: a
    change is in effect at the very next call.
    """

    class OnExpiry(models.TextChoices):
        REJECT = "reject", "Reject"
        ESCALATE = "escalate", "Ask another role"

    class Untrusted(models.TextChoices):
        RAISE = "raise", "A tier stricter if it writes"
        KEEP = "keep", "Change nothing"
        REFUSE = "refuse", "Refuse the call"

    agent = models.ForeignKey(
        "agents.Agent",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="grants",
        help_text="Empty: every agent that has no grant of its own for the tool.",
    )
    team = models.ForeignKey(
        "agents.Team",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="grants",
        help_text="Holds for its members, however deep, beside their own: the stricter tier wins.",
    )
    tool = models.CharField(max_length=64)
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.FREE)
    conditions = models.JSONField(
        default=list,
        blank=True,
        help_text="A list of {when, tier, why}: where the expression holds, the tier is raised.",
    )
    calls_per_run = models.PositiveIntegerField(null=True, blank=True)
    calls_per_hour = models.PositiveIntegerField(
        null=True, blank=True, help_text="For each member that the agent acts for."
    )
    timeout_ms = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Of one call, where that is less than the tool's own time-out.",
    )
    decider_roles = models.JSONField(
        default=list,
        blank=True,
        help_text="Roles that may sign off. Empty: everyone with the scope approvals:decide.",
    )
    quorum = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    own_requests = models.BooleanField(
        default=False,
        help_text="Whether the member a run acts for may sign off its requests (four eyes if not).",
    )
    expires_minutes = models.PositiveIntegerField(
        default=1440, validators=[MinValueValidator(1), MaxValueValidator(60 * 24 * 90)]
    )
    on_expiry = models.CharField(max_length=8, choices=OnExpiry.choices, default=OnExpiry.REJECT)
    escalate_to = models.CharField(max_length=150, blank=True, default="")
    untrusted = models.CharField(
        "after untrusted content",
        max_length=6,
        choices=Untrusted.choices,
        default=Untrusted.RAISE,
        help_text="What holds once the run has read content that nobody vouches for.",
    )
    note = models.CharField(max_length=500, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["tool", "agent_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "team", "tool"], name="grant_unique", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(agent__isnull=True) | Q(team__isnull=True),
                name="grant_of_agent_or_team",
                violation_error_message="A grant is an agent's, a team's or everyone's.",
            ),
            models.CheckConstraint(
                condition=~Q(on_expiry="escalate") | ~Q(escalate_to=""),
                name="grant_escalates_to_somebody",
            ),
            models.CheckConstraint(condition=Q(quorum__gte=1), name="grant_quorum"),
        ]

    def __str__(self) -> str:
        return f"{self.tool}: {self.get_tier_display()}"

    def clean(self) -> None:
        """Conditions that can be evaluated, and roles that exist and may decide.

        What the tool's arguments are isn't known here: whoever knows gives their schema to
        `approvals.conditions.cleaned` before.
        """
        from approvals.conditions import cleaned

        super().clean()
        wrong: dict[str, object] = {}
        try:
            self.conditions = cleaned(self.conditions)
        except ValidationError as error:
            wrong["conditions"] = error
        if sentence := _wrong_roles(self.decider_roles):
            wrong["decider_roles"] = sentence
        if self.on_expiry == self.OnExpiry.ESCALATE:
            if not self.escalate_to:
                wrong["escalate_to"] = "Name the role that is asked then."
            elif sentence := _wrong_roles([self.escalate_to]):
                wrong["escalate_to"] = sentence
        elif self.escalate_to:
            self.escalate_to = ""  # else a role would be shown that nobody ever asks
        if wrong:
            raise ValidationError(wrong)


def deciding_role_names() -> list[str]:
    """The roles whose members may decide on approvals at all."""
    return [role for role, scopes in ROLES.items() if Scope.APPROVALS_DECIDE in scopes]


def _wrong_roles(roles: object) -> str:
    """Why these can't be the roles that decide; empty if they can."""
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return "Expected a list of roles."
    able = deciding_role_names()
    unable = [role for role in roles if role not in able]
    if unable:
        return (
            f"{', '.join(unable)} can't decide on approvals: nobody could agree. "
            f"Roles with the scope {Scope.APPROVALS_DECIDE}: {', '.join(able)}."
        )
    return ""
