"""Settings of the tenant that prompts may name: `{{ settings.key }}`."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

_key = RegexValidator(
    r"^[a-z][a-z0-9_]{0,62}$",
    "Start with a small letter; then small letters, digits and underscores, at most 63.",
)


class PromptSetting(models.Model):
    """One value that every prompt of the tenant may use. Not for secrets: models are shown it."""

    key = models.CharField(
        max_length=63,
        unique=True,
        validators=[_key],
        help_text="A prompt names it as {{ settings.key }}.",
    )
    value = models.TextField(
        max_length=10_000,
        blank=True,
        help_text="What stands there. The model is shown it: no passwords, no keys.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["key"]
        verbose_name = "prompt setting"

    def __str__(self) -> str:
        return self.key
