"""Members of the demo, whose password everybody knows: found and shut out where it matters."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from tenants.accounts.history import record
from tenants.accounts.models import Member
from tenants.accounts.refresh import revoke_all
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant

DEMO_PASSWORD = "demo-demo"
# Suspended tenants too: nobody looks again when one is resumed.
_READY = (Tenant.State.ACTIVE, Tenant.State.SUSPENDED)


def _tenants() -> Iterator[TenantRef]:
    with use_shared():
        refs = [tenant.ref for tenant in Tenant.objects.filter(state__in=_READY)]
    return iter(refs)


def tenants_with_demo_members() -> list[str]:
    """The slugs of tenants, and the platform, in which a demo member may sign in."""
    found = []
    for ref in _tenants():
        with use_tenant(ref):
            if Member.objects.filter(is_demo=True, is_active=True).exists():
                found.append(ref.schema)
    return found


def suspend_demo_members() -> dict[str, int]:
    """Suspend every demo member everywhere; how many, by tenant. Signs them out as well."""
    suspended: dict[str, int] = {}
    for ref in _tenants():
        with use_tenant(ref), transaction.atomic():
            members = Member.objects.select_for_update().filter(is_demo=True, is_active=True)
            for member in members:
                member.is_active = False
                member.save(update_fields=["is_active"])
                revoke_all(member)
                record(member, None, "Suspended: the demo's password is public.")
                suspended[ref.schema] = suspended.get(ref.schema, 0) + 1
    return suspended
