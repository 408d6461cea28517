"""The roles every tenant has: groups written from the table of scopes."""

from __future__ import annotations

from tenants.accounts.scopes import PLATFORM_ROLES, ROLES
from tenants.context import current_tenant


def ensure_roles() -> None:
    """Make the active tenant's missing role groups. Idempotent; removes none."""
    from django.contrib.auth.models import Group

    names = PLATFORM_ROLES if current_tenant().kind == "platform" else ROLES
    have = set(Group.objects.values_list("name", flat=True))
    Group.objects.bulk_create([Group(name=name) for name in names if name not in have])
