"""The plan of an agent's runs: the tenant's guardrails and the agent's own, kept until changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from pydantic import ValidationError

from agents.guardrails.plan import Plan, make_plan
from agents.guardrails.specs import GuardrailSpec
from agents.models.guardrail import TenantGuardrail
from tenants import notices
from tenants.kept_of_tenant import KeptOfTenant

log = logging.getLogger(__name__)
_MOST_PLANS = 200


@dataclass(slots=True)
class _Tenants:
    """A tenant's guardrails, and the plans made with them: by the digest of an agent's revision."""

    specs: tuple[GuardrailSpec, ...]
    unreadable: tuple[str, ...]
    plans: dict[str, Plan | None] = field(default_factory=dict)


async def plan_for(digest: str, own: Sequence[GuardrailSpec]) -> Plan | None:
    """What the active tenant's runs of this revision are checked by; None: by nothing.

    `digest` names the revision's spec, `own` are its guardrails.
    """
    found = await _kept.get()
    if digest in found.plans:
        return found.plans[digest]
    if len(found.plans) >= _MOST_PLANS:
        found.plans.clear()
    plan = found.plans[digest] = make_plan((*found.specs, *own), found.unreadable)
    return plan


def _read() -> _Tenants:
    specs: list[GuardrailSpec] = []
    unreadable: list[str] = []
    for row in TenantGuardrail.objects.filter(is_enabled=True).order_by("name"):
        try:
            specs.append(row.spec())
        except ValidationError:  # written by another version, or by hand
            log.error("the guardrail %s can't be read", row.name)
            if row.options.get("on_error") != "allow":
                unreadable.append(row.name)
    return _Tenants(tuple(specs), tuple(unreadable))


_kept = KeptOfTenant(
    _read, kinds=("guardrails",), seconds=lambda: settings.PROVIDER_CACHE_SECONDS, most=2000
)


def tell_changed() -> None:
    """Every process forgets the active tenant's guardrails, on commit of the caller's change."""
    notices.notify("guardrails")


def _changed(**kwargs: Any) -> None:
    tell_changed()


def connect() -> None:
    """Any change of a row, from wherever, is told to every process on commit."""
    for signal in (post_save, post_delete):
        signal.connect(_changed, sender=TenantGuardrail, dispatch_uid="guardrails of tenant")
