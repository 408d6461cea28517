"""A member's limits as a process knows them: read once, kept until somebody changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save

from agents.limits.kinds import FIELDS, KINDS, Amount, Kind
from agents.limits.models import EVERYBODY, DefaultLimits, MemberLimits
from tenants import notices
from tenants.context import current_tenant, use_shared
from tenants.kept_of_tenant import KeptOfTenant

Row = Mapping[str, Amount | None]


@dataclass(frozen=True, slots=True)
class Limit:
    """`member_id`: whose, or EVERYBODY's. `most` is never 0: there is no such limit then."""

    kind: Kind
    member_id: int
    most: Amount

    @property
    def of_tenant(self) -> bool:
        return self.member_id == EVERYBODY


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """All limits of one tenant: its own, those of each member, and the exceptions."""

    own: Row
    default: Row
    members: Mapping[int, Row] = field(default_factory=dict)
    currency: str = "USD"

    def of_tenant(self) -> tuple[Limit, ...]:
        return tuple(_limits(EVERYBODY, self.own, "TENANT"))

    def of_member(self, member_id: int) -> tuple[Limit, ...]:
        """The member's own limits, without the tenant's."""
        own = self.members.get(member_id, {})
        row = {name: _first(own.get(name), self.default.get(name)) for name in FIELDS}
        return tuple(_limits(member_id, row, "MEMBER"))

    def on(self, member_id: int) -> tuple[Limit, ...]:
        """Every limit that a start of the member meets, the tenant's first."""
        return self.of_tenant() + self.of_member(member_id)


def _first(*amounts: Amount | None) -> Amount | None:
    return next((amount for amount in amounts if amount is not None), None)


def _limits(member_id: int, row: Row, whose: str) -> list[Limit]:
    found = []
    for kind in KINDS:
        most = _first(row.get(kind.field), usual(whose, kind))
        if most:
            found.append(Limit(kind, member_id, most))
    return found


def usual(whose: str, kind: Kind) -> Amount:
    """What the installation's settings say for TENANT or MEMBER; 0: no limit."""
    amount = getattr(settings, f"{whose}_{kind.field.upper()}")
    return Decimal(str(amount)) if kind.unit == "cost" else int(amount)


async def limits_on(member_id: int) -> tuple[Limit, ...]:
    """What a start of this member of the current tenant meets: from memory but for the first."""
    return (await tenant_limits()).on(member_id)


async def tenant_limits() -> TenantLimits:
    return await _known.get()


def read_limits() -> TenantLimits:
    """The current tenant's limits from the database. Synchronous."""
    from agents.providers.models import ModelSettings
    from tenants.models import Tenant

    schema = current_tenant().schema
    with use_shared():
        own: Any = Tenant.objects.filter(schema_name=schema).values(*FIELDS).first()
    default: Any = DefaultLimits.objects.filter(pk=1).values(*FIELDS).first()
    exceptions = MemberLimits.objects.values("member_id", *FIELDS)
    currency = ModelSettings.objects.filter(pk=1).values_list("currency", flat=True).first()
    return TenantLimits(
        own=own or {},
        default=default or {},
        members={row.pop("member_id"): row for row in exceptions},
        currency=currency or "USD",
    )


_known = KeptOfTenant(
    read_limits,
    kinds=("limits", "providers"),  # the currency is the providers'
    everybodys=("tenant",),
    seconds=lambda: settings.LIMITS_CACHE_SECONDS,
)


def _changed(**kwargs: Any) -> None:
    notices.notify("limits")


def connect() -> None:
    """Any change of a tenant's own rows is told to every process on commit."""
    for model in (DefaultLimits, MemberLimits):
        for signal in (post_save, post_delete):
            signal.connect(_changed, sender=model, dispatch_uid=f"tell {model.__name__}")
