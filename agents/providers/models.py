"""A tenant's registry of model providers, their models, and what is used by default."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from agents.models_llm.addresses import why_not_url
from agents.models_llm.names import RESERVED_PARAMETERS
from agents.providers.kinds import KINDS, address_of
from tenants.secret_field import SecretField

_slug = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z",
    "Small letters, digits and hyphens; begins and ends with a letter or digit; at most 64.",
)
_model_name = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z",
    "Letters, digits and . _ : / @ -, beginning with a letter or digit.",
)
# They mean something else where an agent names its model.
RESERVED_NAMES = frozenset({"default", "offline-demo"})
_SECONDS = [MinValueValidator(0.1), MaxValueValidator(3600.0)]
_PRICE: dict[str, Any] = {
    "max_digits": 14,
    "decimal_places": 6,
    "null": True,
    "blank": True,
    "validators": [MinValueValidator(0)],
}
_LIMIT: dict[str, Any] = {"null": True, "blank": True, "validators": [MinValueValidator(1)]}


class Provider(models.Model):
    """Where models are, and how they are spoken to. The key is sealed and never shown."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.CharField(max_length=64, unique=True, validators=[_slug])
    kind = models.CharField(
        max_length=20, choices=[(str(kind), label) for kind, label in KINDS.items()]
    )
    base_url = models.CharField("address", max_length=500, blank=True)
    api_key = SecretField()
    api_key_set_at = models.DateTimeField(null=True, editable=False)
    organisation = models.CharField(max_length=100, blank=True)
    api_version = models.CharField("API version", max_length=40, blank=True)
    counts_tokens = models.BooleanField("asks for token counts", default=True)
    connect_seconds = models.FloatField(default=5.0, validators=_SECONDS)
    first_token_seconds = models.FloatField(default=60.0, validators=_SECONDS)
    idle_seconds = models.FloatField(default=30.0, validators=_SECONDS)
    total_seconds = models.FloatField(default=300.0, validators=_SECONDS)
    requests_per_minute = models.PositiveIntegerField(**_LIMIT)
    tokens_per_minute = models.PositiveIntegerField(**_LIMIT)
    concurrent_calls = models.PositiveIntegerField(**_LIMIT)
    is_enabled = models.BooleanField("enabled", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """The base URL that is used: the given one, or what the kind usually has."""
        return address_of(self.kind, self.base_url)

    def clean(self) -> None:
        super().clean()
        self.base_url = self.base_url.strip().rstrip("/")
        if not self.address:
            raise ValidationError({"base_url": "Providers of this kind need an address."})
        if reason := why_not_url(self.address):
            raise ValidationError({"base_url": reason})


class ChatModel(models.Model):
    """One model of a provider, under the name that agents use for it."""

    name = models.CharField(max_length=100, unique=True, validators=[_model_name])
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="models")
    model_id = models.CharField("provider's model id", max_length=200)
    input_price = models.DecimalField(**_PRICE)
    output_price = models.DecimalField(**_PRICE)
    cached_input_price = models.DecimalField(**_PRICE)
    context_tokens = models.PositiveIntegerField("context size", **_LIMIT)
    supports_tools = models.BooleanField(default=True)
    parameters = models.JSONField(default=dict, blank=True)
    is_enabled = models.BooleanField("enabled", default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.name in RESERVED_NAMES:
            raise ValidationError({"name": f"“{self.name}” has a meaning of its own."})
        if (self.input_price is None) != (self.output_price is None):
            missing = "input_price" if self.input_price is None else "output_price"
            raise ValidationError({missing: "Give both prices, or neither: half gives no cost."})
        if self.cached_input_price is not None and self.input_price is None:
            raise ValidationError({"cached_input_price": "It needs the other two prices."})
        self._clean_parameters()

    def _clean_parameters(self) -> None:
        if self.parameters in (None, ""):
            self.parameters = {}
        if not isinstance(self.parameters, dict):
            raise ValidationError({"parameters": 'Expected an object: {"top_p": 0.9}'})
        taken = sorted(RESERVED_PARAMETERS & self.parameters.keys())
        if taken:
            raise ValidationError({"parameters": f"Set elsewhere: {', '.join(taken)}."})


class Fallback(models.Model):
    """The `position`th model to ask when `model` can't be reached."""

    model = models.ForeignKey(ChatModel, on_delete=models.CASCADE, related_name="fallbacks")
    fallback = models.ForeignKey(ChatModel, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "fallback"], name="fallback_once"),
            models.CheckConstraint(
                condition=~Q(model=F("fallback")),
                name="fallback_is_another",
                violation_error_message="A model can't be its own fallback.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.fallback}"

    def clean(self) -> None:
        """The constraint's sentence for forms: in an inline Django leaves the constraint out."""
        super().clean()
        if self.model_id is not None and self.model_id == self.fallback_id:
            raise ValidationError({"fallback": "A model can't be its own fallback."})


class ModelSettings(models.Model):
    """The tenant's one row: its default model, and the currency that all prices are in."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    default_model = models.ForeignKey(
        ChatModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Three capital letters, such as EUR.")],
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "model settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="model_settings_once")]

    def __str__(self) -> str:
        return "Default model and currency"
