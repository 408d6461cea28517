"""Making a tenant: row, hosts, role, schema, tables, roles. And bringing one up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from tenants import directory
from tenants.catalog import Contents
from tenants.cloning import NotCopied, clone_schema
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.locks import schema_lock
from tenants.models import RESERVED_SCHEMAS, Domain, Tenant
from tenants.parked import forget_parked
from tenants.roles import (
    drop_tenant_schema,
    ensure_migrations_role,
    ensure_platform_schema,
    ensure_tenant_schema,
    seal_tenant_schema,
    show_migrations,
)
from tenants.schema_migration import migrate_and_show
from tenants.signals import tenant_dropped
from tenants.staleness import missing_migrations
from tenants.template import ensure_template

log = logging.getLogger(__name__)

PLATFORM_SCHEMA = "platform"
_TRIES = 5  # to delete a tenant that others still read


def declare_tenant(slug: str, name: str, hosts: Iterable[str], *, kind: str = "tenant") -> Tenant:
    """Write the rows of a new tenant, state "creating". ValidationError on a bad slug or host."""
    with use_shared(), transaction.atomic():
        tenant = Tenant(schema_name=slug, name=name or slug, kind=kind)
        if kind != "platform" and slug in RESERVED_SCHEMAS:
            raise ValidationError({"schema_name": f"{slug!r} is reserved."})
        tenant.full_clean()
        tenant.save()
        for position, host in enumerate(hosts):
            domain = Domain(domain=host, tenant=tenant, is_primary=position == 0)
            domain.full_clean()
            domain.save()
    return tenant


def set_up_tenant(slug: str, *, wait: bool = True) -> Tenant:
    """Role, schema, tables and roles of a declared tenant, up to date; then it is active.

    Safe to repeat, and so it is what brings any tenant up to date: one that is suspended stays so.
    A failure is written on the tenant's row, and raised; a tenant that serves goes on serving.
    While another process is at it, waits, or with `wait` false raises Busy. Raises
    Tenant.DoesNotExist.
    """
    with use_shared(), schema_lock(slug, wait=wait):
        tenant = Tenant.objects.get(schema_name=slug)
        try:
            _bring_up_to_date(tenant)
        except Exception as error:
            _note(tenant, f"{type(error).__name__}: {error}".strip())
            raise
        if tenant.problem or unfinished(tenant):
            _note(tenant, "")
    return tenant


def unfinished(tenant: Tenant) -> bool:
    """Whether its set-up has not been finished yet."""
    return tenant.state in (Tenant.State.CREATING, Tenant.State.FAILED)


def _note(tenant: Tenant, problem: str) -> None:
    """Write how the set-up ended. Only a tenant that never served can fail to be one."""
    with use_shared(), transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if unfinished(row):
            row.state = Tenant.State.FAILED if problem else Tenant.State.ACTIVE
        row.problem = problem
        row.save(update_fields=["state", "problem"])
        directory.forget()
    tenant.state, tenant.problem = row.state, row.problem


def _bring_up_to_date(tenant: Tenant) -> None:
    ref = tenant.ref
    ensure_migrations_role()
    if tenant.kind == Tenant.Kind.PLATFORM:
        ensure_platform_schema(ref.schema)
        migrate_and_show(ref)
        return
    ensure_tenant_schema(ref.schema)
    try:
        if _is_empty(ref):
            _clone_or_migrate(ref)
        elif missing_migrations([ref.schema]):
            migrate_and_show(ref)
    finally:  # one that serves must not stay open because its migration failed
        seal_tenant_schema(ref.schema)


def _is_empty(ref: TenantRef) -> bool:
    with use_tenant(ref):
        return Contents().empty


def _clone_or_migrate(ref: TenantRef) -> None:
    """A copy of the template; where that would leave something out, the long way."""
    try:
        clone_schema(ensure_template(), ref)
    except NotCopied as error:
        log.warning("%s is migrated instead of copied: %s", ref.schema, error)
        migrate_and_show(ref)
        return
    show_migrations(ref)
    with use_tenant(ref):
        from tenants.accounts.seed import ensure_roles

        ensure_roles()


def create_tenant(slug: str, name: str, hosts: Iterable[str], *, kind: str = "tenant") -> Tenant:
    """Declare and set up in one go: under a second, for commands and jobs, not for a request."""
    declare_tenant(slug, name, hosts, kind=kind)
    return set_up_tenant(slug)


def drop_tenant(tenant: Tenant) -> None:
    """Delete a tenant with all its data. There is no way back."""
    with use_shared(), schema_lock(tenant.schema_name):
        for left in reversed(range(_TRIES)):
            try:
                return _drop(tenant)
            except OperationalError as error:
                # All tables are locked, in an order that isn't that of whoever still reads some.
                if not left or not isinstance(error.__cause__, DeadlockDetected):
                    raise


@transaction.atomic
def _drop(tenant: Tenant) -> None:
    drop_tenant_schema(tenant.schema_name)
    forget_parked(tenant.schema_name)
    tenant_dropped.send(Tenant, schema=tenant.schema_name)
    tenant.delete()
    directory.forget()


def stale_tenants() -> list[Tenant]:
    """Tenants whose schema lacks a migration, or whose set-up never finished."""
    with use_shared():
        tenants = list(Tenant.objects.order_by("kind", "schema_name"))
    missing = missing_migrations([tenant.schema_name for tenant in tenants])
    return [tenant for tenant in tenants if unfinished(tenant) or tenant.schema_name in missing]
