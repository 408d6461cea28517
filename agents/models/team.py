"""Teams as drafts: a leader's instructions and ordered members, published like agents."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents.models.agent import Agent, Revision, slug_validator
from agents.models.seconds import SecondsField
from agents.prompts import VARIABLES, PromptError, compile_prompt

_SMALLEST_COST = Decimal("0.000001")


class Team(models.Model):
    """The draft that the admin edits. Runs use its published revision, never this row."""

    class Mode(models.TextChoices):
        COORDINATE = "coordinate", "Coordinate: the leader gives out tasks and sums up"
        ROUTE = "route", "Route: the leader picks one member, whose answer is the answer"
        BROADCAST = "broadcast", "Broadcast: everyone is asked at once, the leader sums up"
        PLAN = "plan", "Plan: the leader plans, members do the steps, a verifier looks at them"
        TASKS = "tasks", "Tasks: the leader keeps a list, members do what is ready, it revises"

    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=64, unique=True, validators=[slug_validator])
    description = models.CharField(max_length=500, blank=True)
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.COORDINATE)
    instructions = models.TextField(
        "leader's instructions",
        blank=True,
        help_text=(
            "What the leader is told beside who its members are. It may name "
            + ", ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
            + " and prompt settings, {{ settings.key }}."
        ),
    )
    model = models.CharField(
        "leader's model",
        max_length=100,
        default="default",
        help_text="A model's name, or “default” for the one this installation is configured with.",
    )
    rules = models.JSONField(
        default=list,
        blank=True,
        help_text=(
            "Of a team that plans: a list of {check, why, member, escalate}. What each check, in "
            "CEL, says has to hold of the results, such as size(failed) == 0. Where it doesn't, "
            "the member's steps are done again, or with escalate a person is asked at once."
        ),
    )
    verifier = models.TextField(
        blank=True,
        help_text="Of a team that plans: what a model is told that looks at the results after the "
        "rules. Empty: rules alone.",
    )
    rounds = models.PositiveSmallIntegerField(
        "sent back at most",
        default=2,
        validators=[MaxValueValidator(10)],
        help_text="How often results are sent back before a person is asked to review them.",
    )
    rejections = models.PositiveSmallIntegerField(
        "contracts broken at most",
        default=2,
        validators=[MaxValueValidator(5)],
        help_text="How often whoever sends what breaks its contract is told so and may try again.",
    )
    most_steps = models.PositiveSmallIntegerField(
        "steps or tasks at most",
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Of a plan, or of a leader's task list.",
    )
    review_roles = models.JSONField("roles that review", default=list, blank=True)
    history_runs = models.PositiveSmallIntegerField(
        "history window",
        default=10,
        validators=[MaxValueValidator(200)],
        help_text="How many earlier runs of the session the leader is shown.",
    )
    at_once = models.PositiveSmallIntegerField(
        "members at work at once",
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
    )
    max_turns = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text="Model calls of the leader in one run.",
    )
    max_tokens = models.PositiveIntegerField(
        default=300_000,
        validators=[MinValueValidator(1)],
        help_text="Tokens in one run, in and out, those of its members included.",
    )
    max_seconds = SecondsField(
        default=600,
        validators=[MinValueValidator(0.001)],
        help_text="Seconds one run may take, with all its members' work.",
    )
    max_cost = models.DecimalField(
        max_digits=16,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(_SMALLEST_COST)],
        help_text="What one run's model calls may cost, members included. Empty: no limit.",
    )
    stage_seconds = SecondsField(null=True, blank=True, validators=[MinValueValidator(0.001)])
    stage_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    stage_cost = models.DecimalField(
        max_digits=16,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(_SMALLEST_COST)],
    )
    run_roles = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name="roles that may run it",
        help_text="Empty: every role that may run agents.",
    )
    is_archived = models.BooleanField("archived", default=False)
    published = models.ForeignKey(
        Revision, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        try:
            compile_prompt(self.instructions)
        except PromptError as error:
            raise ValidationError({"instructions": str(error)}) from None
        if self.max_seconds > settings.RUN_SECONDS_MAX:
            raise ValidationError(
                {"max_seconds": f"At most {settings.RUN_SECONDS_MAX} seconds are allowed here."}
            )
        if self.pk and self.published_id:
            before = Team.objects.filter(pk=self.pk).values_list("slug", flat=True).first()
            if before and before != self.slug:
                raise ValidationError(
                    {"slug": "A published team keeps its slug: its revisions and callers use it."}
                )


class TeamMember(models.Model):
    """An agent, or another team, in its place in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveSmallIntegerField(default=0)
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    nested = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="or team",
    )
    max_seconds = SecondsField(null=True, blank=True, validators=[MinValueValidator(0.001)])
    max_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    max_cost = models.DecimalField(
        max_digits=16,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(_SMALLEST_COST)],
    )
    fallback = models.CharField(max_length=64, blank=True, default="", db_default="")
    input_schema = models.JSONField(null=True, blank=True)
    output_schema = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "member of the team"
        verbose_name_plural = "members of the team"
        constraints = [
            models.CheckConstraint(
                condition=Q(agent__isnull=False, nested__isnull=True)
                | Q(agent__isnull=True, nested__isnull=False),
                name="team_member_is_one_thing",
                violation_error_message="Name an agent or a team, not both.",
            ),
            models.UniqueConstraint(
                fields=["team", "agent"],
                name="team_member_agent_once",
                violation_error_message="The agent is in the team already.",
            ),
            models.UniqueConstraint(
                fields=["team", "nested"],
                name="team_member_team_once",
                violation_error_message="The team is a member already.",
            ),
        ]

    def __str__(self) -> str:
        return str(self.component)

    @property
    def component(self) -> Agent | Team:
        found = self.agent if self.agent_id is not None else self.nested
        assert found is not None
        return found
