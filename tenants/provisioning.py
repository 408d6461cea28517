"""Making a tenant: row, hosts, role, schema, tables, roles. And bringing schemas up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from tenants import directory
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import RESERVED_SCHEMAS, Domain, Tenant
from tenants.roles import (
    drop_tenant_schema,
    ensure_platform_schema,
    ensure_shared_grants,
    ensure_tenant_schema,
    seal_tenant_schema,
)

log = logging.getLogger(__name__)

PLATFORM_SCHEMA = "platform"


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


def set_up_tenant(slug: str) -> Tenant:
    """Role, schema, tables and roles of a declared tenant; then it is active. Safe to repeat.

    A failure is written on the tenant's row (state "failed") and raised.
    """
    with use_shared():
        tenant = Tenant.objects.get(schema_name=slug)
        try:
            if tenant.kind == Tenant.Kind.PLATFORM:
                ensure_platform_schema(slug)
            else:
                ensure_tenant_schema(slug)
            migrate_schema(tenant.ref)
            if tenant.kind != Tenant.Kind.PLATFORM:
                seal_tenant_schema(slug)
        except Exception as error:
            tenant.state, tenant.problem = Tenant.State.FAILED, f"{type(error).__name__}: {error}"
            tenant.save(update_fields=["state", "problem"])
            raise
        if tenant.state != Tenant.State.SUSPENDED:
            tenant.state, tenant.problem = Tenant.State.ACTIVE, ""
            tenant.save(update_fields=["state", "problem"])
    directory.forget()
    return tenant


def create_tenant(slug: str, name: str, hosts: Iterable[str], *, kind: str = "tenant") -> Tenant:
    """Declare and set up in one go: some seconds, for commands and jobs, not for a request."""
    declare_tenant(slug, name, hosts, kind=kind)
    return set_up_tenant(slug)


def drop_tenant(tenant: Tenant) -> None:
    """Delete a tenant with all its data. There is no way back."""
    with use_shared():
        drop_tenant_schema(tenant.schema_name)
        tenant.delete()
    directory.forget()


def migrate_schema(ref: TenantRef, verbosity: int = 0) -> None:
    """Bring one schema's tables up to date, as its own role, and its roles with their scopes."""
    from tenants.accounts.seed import ensure_roles

    with use_tenant(ref):
        call_command("migrate_one", verbosity=verbosity)
        ensure_roles()


def migrate_shared(verbosity: int = 0) -> None:
    """Bring the shared schema up to date, with what the tenants may do in it."""
    with use_shared():
        call_command("migrate_one", verbosity=verbosity)
        ensure_shared_grants()


def migration_names() -> set[tuple[str, str]]:
    """Every migration on disk, as (app, name)."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return set(loader.disk_migrations)


def shared_is_current() -> bool:
    """Whether the shared schema has every migration on disk (recorded for both kinds of schema)."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.django_migrations')")
        if cursor.fetchone()[0] is None:
            return False
        cursor.execute("SELECT app, name FROM public.django_migrations")
        return migration_names() <= set(cursor.fetchall())


def stale_tenants() -> list[Tenant]:
    """Tenants whose schema lacks a migration, or whose set-up never finished."""
    wanted = migration_names()
    with use_shared():
        tenants = list(Tenant.objects.all())
    return [tenant for tenant in tenants if _unfinished(tenant) or not wanted <= _applied(tenant)]


def _unfinished(tenant: Tenant) -> bool:
    return tenant.state in (Tenant.State.CREATING, Tenant.State.FAILED)


def _applied(tenant: Tenant) -> set[tuple[str, str]]:
    with use_tenant(tenant.ref), connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return set(cursor.fetchall())
