"""Suspending, resuming and deleting a tenant. The platform's own can be neither."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from config.errors import Conflict
from tenants import directory
from tenants.context import use_shared
from tenants.models import Tenant
from tenants.parked import release_parked
from tenants.provisioning import drop_tenant
from tenants.signals import tenant_resumed


def suspend_tenant(slug: str) -> Tenant:
    """Nobody gets in and no run goes on until it is resumed; all data stays. Raises Conflict.

    On commit every process is told: streams and sockets end, runs held are let go, jobs wait.
    """
    return _set_state(slug, Tenant.State.ACTIVE, Tenant.State.SUSPENDED)


def resume_tenant(slug: str) -> Tenant:
    """Let a suspended tenant work again; its waiting runs and jobs go on. Raises Conflict."""
    with use_shared(), transaction.atomic():
        tenant = _set_state(slug, Tenant.State.SUSPENDED, Tenant.State.ACTIVE)
        release_parked(slug)
        tenant_resumed.send(Tenant, schema=slug)
    return tenant


def start_again(slug: str) -> Tenant:
    """Mark a failed set-up as being set up; the caller enqueues the job. Raises Conflict."""
    return _set_state(slug, Tenant.State.FAILED, Tenant.State.CREATING)


def delete_tenant(slug: str) -> None:
    """Delete a tenant with its schema and everything in it, for good.

    Only one that serves nobody (suspended, or never set up): raises Conflict otherwise.
    """
    with use_shared():
        tenant = _own_row(slug)
        if tenant.state == Tenant.State.ACTIVE:
            raise Conflict(f"{tenant} is active: suspend it first.", code="tenant_active")
    drop_tenant(tenant)


def _set_state(slug: str, before: Any, after: Any) -> Tenant:
    with use_shared(), transaction.atomic():
        tenant = _own_row(slug, lock=True)
        if tenant.state != before:
            raise Conflict(f"{tenant} is {tenant.get_state_display().lower()}.", code="state")
        tenant.state = after
        tenant.save(update_fields=["state"])
        directory.forget()
    return tenant


def _own_row(slug: str, *, lock: bool = False) -> Tenant:
    rows = Tenant.objects.select_for_update() if lock else Tenant.objects.all()
    tenant = rows.get(schema_name=slug)
    if tenant.kind == Tenant.Kind.PLATFORM:
        raise Conflict("The platform's own tenant stays as it is.", code="platform_tenant")
    return tenant
