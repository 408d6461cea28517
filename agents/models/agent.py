"""Agents as drafts, and the revisions they are published into."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from pydantic import ValidationError as SpecError

from agents.guardrails.specs import repeated_names, several
from agents.models.guardrail import spec_problems
from agents.models.seconds import SecondsField
from agents.prompts import VARIABLES, PromptError, compile_prompt

slug_validator = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$",
    "Small letters, digits and hyphens; begins and ends with a letter or digit; at most 64.",
)


class Revision(models.Model):
    """The immutable, published snapshot of a component: a typed spec and its SHA-256 digest.

    The database refuses UPDATE and DELETE (a trigger, see the first migration).
    """

    kind = models.CharField(max_length=10)
    slug = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    spec = models.JSONField()
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["kind", "slug", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "slug", "number"], name="revision_number_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} r{self.number}"


class Agent(models.Model):
    """The draft that the admin edits. Runs use its published revision, never this row."""

    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=64, unique=True, validators=[slug_validator])
    description = models.CharField(max_length=500, blank=True)
    instructions = models.TextField(
        blank=True,
        help_text=(
            "What the model is told before the conversation begins. It may name "
            + ", ".join(f"{{{{ {name} }}}}" for name in VARIABLES)
            + " and prompt settings, {{ settings.key }}. Write \\{{ for two braces."
        ),
    )
    model = models.CharField(
        max_length=100,
        default="default",
        help_text="A model's name, or “default” for the one this installation is configured with.",
    )
    temperature = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.0), MaxValueValidator(2.0)]
    )
    max_output_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    tools = models.JSONField(default=list, blank=True, help_text="Names of the tools it may call.")
    guardrails = models.JSONField(
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
        help_text="What checks its input, its tools' arguments and results, and its answers.",
    )
    history_runs = models.PositiveSmallIntegerField(
        "history window",
        default=10,
        validators=[MaxValueValidator(200)],
        help_text="How many earlier runs of the session the model is shown.",
    )
    max_turns = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text="Model calls in one run.",
    )
    max_tokens = models.PositiveIntegerField(
        default=100_000,
        validators=[MinValueValidator(1)],
        help_text="Tokens in one run, in and out.",
    )
    max_seconds = SecondsField(
        default=300, validators=[MinValueValidator(0.001)], help_text="Seconds one run may take."
    )
    max_cost = models.DecimalField(
        max_digits=16,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.000001"))],
        help_text="What one run's model calls may cost, by the models' prices. Empty: no limit.",
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
        self._clean_tools()
        self._clean_guardrails()
        try:
            compile_prompt(self.instructions)
        except PromptError as error:
            raise ValidationError({"instructions": str(error)}) from None
        if self.max_seconds > settings.RUN_SECONDS_MAX:
            raise ValidationError(
                {"max_seconds": f"At most {settings.RUN_SECONDS_MAX} seconds are allowed here."}
            )
        if self.pk and self.published_id:
            before: Any = (
                type(self).objects.filter(pk=self.pk).values_list("slug", flat=True).first()
            )
            if before and before != self.slug:
                raise ValidationError(
                    {"slug": "A published agent keeps its slug: its revisions and callers use it."}
                )

    def _clean_tools(self) -> None:
        from agents.tools import registry

        if not isinstance(self.tools, list) or not all(isinstance(t, str) for t in self.tools):
            raise ValidationError({"tools": "Expected a list of tool names."})
        known = {spec.name for spec in registry.all()}
        unknown = sorted(set(self.tools) - known)
        if unknown:
            raise ValidationError({"tools": f"No such tool: {', '.join(unknown)}."})
        self.tools = list(dict.fromkeys(self.tools))

    def _clean_guardrails(self) -> None:
        try:
            specs = several.validate_python(self.guardrails)
        except SpecError as error:
            raise ValidationError({"guardrails": spec_problems(error)}) from None
        if repeated := repeated_names(specs):
            raise ValidationError(
                {"guardrails": f"Each needs a name of its own: {', '.join(repeated)}."}
            )
