"""Members of the demo, whose password everybody knows: found and shut out where it matters."""

from __future__ import annotations

from django.db import transaction

from tenants.accounts.history import record
from tenants.accounts.models import Member
from tenants.accounts.refresh import revoke_all
from tenants.context import use_tenant
from tenants.models import every_tenant

DEMO_PASSWORD = "demo-demo"


def tenants_with_demo_members() -> list[str]:
    """The slugs of tenants, and the platform, in which a demo member may sign in."""
    found = []
    for ref in every_tenant():
        with use_tenant(ref):
            if Member.objects.filter(is_demo=True, is_active=True).exists():
                found.append(ref.schema)
    return found


def suspend_demo_members() -> dict[str, int]:
    """Suspend every demo member everywhere; how many, by tenant. Signs them out as well."""
    suspended: dict[str, int] = {}
    for ref in every_tenant():
        with use_tenant(ref), transaction.atomic():
            members = Member.objects.select_for_update().filter(is_demo=True, is_active=True)
            for member in members:
                member.is_active = False
                member.save(update_fields=["is_active"])
                revoke_all(member)
                record(member, None, "Suspended: the demo's password is public.")
                suspended[ref.schema] = suspended.get(ref.schema, 0) + 1
    return suspended
