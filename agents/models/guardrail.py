"""Guardrails that hold for every agent of the tenant, whatever its own are."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from pydantic import ValidationError as SpecError

from agents.guardrails.specs import LABELS, GuardrailSpec, one

_name = RegexValidator(
    r"^[a-z0-9][a-z0-9-]{0,63}\Z",
    "Small letters, digits and hyphens, beginning with a letter or digit; at most 64.",
)


class TenantGuardrail(models.Model):
    """One guardrail of the tenant; in effect for the next run, without publishing anything."""

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[_name],
        help_text="How verdicts name it. It takes the place of an agent's guardrail of this name.",
    )
    kind = models.CharField(max_length=20, choices=list(LABELS.items()))
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text="What differs from the kind's usual settings, as JSON.",
    )
    is_enabled = models.BooleanField("enabled", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "guardrail"

    def __str__(self) -> str:
        return self.name

    def spec(self) -> GuardrailSpec:
        """Raises pydantic's ValidationError for options that this version can't read."""
        return one.validate_python({**self.options, "kind": self.kind, "name": self.name})

    def clean(self) -> None:
        super().clean()
        if not isinstance(self.options, dict):
            raise ValidationError({"options": "Expected a JSON object, like {}."})
        taken = sorted({"kind", "name"} & self.options.keys())
        if taken:
            raise ValidationError({"options": f"{', '.join(taken)}: set by the fields above."})
        try:
            self.spec()
        except SpecError as error:
            raise ValidationError({"options": spec_problems(error)}) from None


def spec_problems(error: SpecError) -> list[str]:
    """What is wrong with a guardrail's settings, each with its place."""
    found = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        # The first places are the union's own: which kind was tried.
        place: list[Any] = [part for part in problem["loc"] if part not in LABELS]
        said = str(problem["msg"]).removeprefix("Value error, ")
        found.append(f"{'.'.join(map(str, place))}: {said}" if place else said)
    return found
