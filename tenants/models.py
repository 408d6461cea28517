"""Tenants and the hosts they are served at: rows of the shared schema."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now
from django_tenants.models import DomainMixin, TenantMixin

from tenants.context import SCHEMA_NAME, TenantRef, use_shared
from tenants.roles import role_name

_slug = RegexValidator(
    SCHEMA_NAME,
    "Start with a small letter; then small letters, digits and underscores, at most 41 characters.",
)
RESERVED_SCHEMAS = frozenset({"public", "platform", "information_schema", "template"})


class Tenant(TenantMixin):
    """One customer and the schema that is theirs. Made by `tenants.provisioning`, nowhere else."""

    class Kind(models.TextChoices):
        CUSTOMER = "tenant", "Customer"
        PLATFORM = "platform", "The platform's own"

    class State(models.TextChoices):
        CREATING = "creating", "Being set up"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        FAILED = "failed", "Set-up failed"

    auto_create_schema = False
    auto_drop_schema = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    schema_name = models.CharField("slug", max_length=41, unique=True, validators=[_slug])
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CUSTOMER)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CREATING)
    tenant_class = models.CharField(
        "class", max_length=20, default="standard", db_default="standard"
    )
    problem = models.TextField(blank=True, help_text="Why the set-up failed, if it did.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Runs at the same time. Empty: the installation's own limits; 0: as many as there is room for.
    max_concurrent_runs = models.PositiveIntegerField("concurrent runs", null=True, blank=True)
    max_concurrent_runs_per_member = models.PositiveIntegerField(
        "concurrent runs of a member", null=True, blank=True
    )
    # What all members together may use. Empty and 0: as above. Costs are in the tenant's currency.
    runs_per_minute = models.PositiveIntegerField("runs a minute", null=True, blank=True)
    live_runs = models.PositiveIntegerField("runs waiting or running", null=True, blank=True)
    tokens_per_day = models.PositiveBigIntegerField("tokens a day", null=True, blank=True)
    tokens_per_month = models.PositiveBigIntegerField("tokens a month", null=True, blank=True)
    cost_per_day = models.DecimalField(
        "cost a day",
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    cost_per_month = models.DecimalField(
        "cost a month",
        max_digits=14,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )

    class Meta:
        ordering = ["schema_name"]

    def __str__(self) -> str:
        return self.name or self.schema_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        with use_shared():
            super().save(*args, **kwargs)

    @property
    def ref(self) -> TenantRef:
        platform = self.kind == self.Kind.PLATFORM
        return TenantRef(
            schema=self.schema_name,
            kind="platform" if platform else "tenant",
            id=self.id,
            role=None if platform else role_name(self.schema_name),
            name=self.name,
            tenant_class=self.tenant_class,
        )


def every_tenant() -> list[TenantRef]:
    """Every tenant with tables, the platform's own and suspended ones too, by slug.

    A schema that is being set up, or whose set-up failed, may have none yet.
    """
    ready = (Tenant.State.ACTIVE, Tenant.State.SUSPENDED)
    with use_shared():
        return [tenant.ref for tenant in Tenant.objects.filter(state__in=ready)]


class Domain(DomainMixin):
    """A host name a tenant is served at, without port."""

    class Meta:
        ordering = ["domain"]

    def clean(self) -> None:
        super().clean()
        self.domain = self.domain.lower().strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        with use_shared():
            super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.domain
