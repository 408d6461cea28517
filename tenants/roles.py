"""The Postgres roles behind the tenants: one NOLOGIN role owns each tenant's tables.

The application's login is a member of every tenant role but inherits nothing (NOINHERIT), so with
no role set it reads no tenant's table, and under one tenant's role no other tenant's. The schema
itself belongs to the login, and the role may create in it only while it is being set up or
migrated: at work, a tenant's role makes no function, operator, view or trigger function that
somebody with more rights might run. What it may do in the shared schema: `tenants.shared_rights`.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import connection, transaction

from tenants.context import SHARED, TenantRef, use_shared, use_tenant
from tenants.locks import Busy, schema_lock
from tenants.role_names import migrations_role, role_name, tenants_role
from tenants.shared_rights import ensure_role, ensure_shared_grants, own_row

__all__ = [
    "drop_tenant_schema",
    "ensure_migrations_role",
    "ensure_platform_schema",
    "ensure_shared_grants",
    "ensure_tenant_schema",
    "migrations_role",
    "role_name",
    "seal_open_schemas",
    "seal_tenant_schema",
    "show_migrations",
    "tenants_role",
]


def ensure_tenant_schema(schema: str) -> None:
    """Make the tenant's role and its schema, open for the role to create its tables in.

    Idempotent; shared grants must exist. Call `seal_tenant_schema` when the tables are made.
    """
    role = role_name(schema)
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        ensure_role(cursor, role)
        _may_become(cursor, role)
        cursor.execute(f'GRANT "{tenants_role()}" TO "{role}"')
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        _own_schema(cursor, schema, role)
        cursor.execute(f'GRANT USAGE, CREATE ON SCHEMA "{schema}" TO "{role}"')


def seal_tenant_schema(schema: str) -> None:
    """From here on the tenant's role works with its tables and makes nothing new. Idempotent."""
    role = role_name(schema)
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        if _own_schema(cursor, schema, role):
            cursor.execute(f'REVOKE CREATE ON SCHEMA "{schema}" FROM "{role}"')


def seal_open_schemas() -> list[str]:
    """Seal each tenant's schema whose role may create in it, and return their names.

    For what a crash left open, and for installations from before schemas were sealed. Tenants that
    are being set up or migrated are left alone: who does that seals them.
    """
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_namespace n "
            "JOIN public.tenants_tenant t ON t.schema_name = n.nspname "
            f"JOIN pg_roles r ON {own_row('t.schema_name', role='r.rolname')} "
            "WHERE t.kind = 'tenant' AND t.state IN ('active', 'suspended') "
            "AND has_schema_privilege(r.oid, n.oid, 'CREATE')"
        )
        found = [row[0] for row in cursor.fetchall()]
    sealed = []
    for schema in found:
        with contextlib.suppress(Busy), schema_lock(schema, wait=False):
            seal_tenant_schema(schema)
            sealed.append(schema)
    return sealed


def ensure_platform_schema(schema: str) -> None:
    """The platform's own schema belongs to the login itself: it administers the shared one."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')


def drop_tenant_schema(schema: str) -> None:
    """Remove a schema, all its tables and its role. What is gone is gone."""
    role = role_name(schema)
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        exists = cursor.fetchone() is not None
        if exists and _schema_owner(cursor, schema) == role:
            cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        if exists:
            cursor.execute("RESET ROLE")
            cursor.execute(f'DROP ROLE "{role}"')


def ensure_migrations_role() -> None:
    """Make the role that may read which migrations each schema has had, and nothing else."""
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        ensure_role(cursor, migrations_role())
        _may_become(cursor, migrations_role())
        cursor.execute(f'GRANT USAGE ON SCHEMA public TO "{migrations_role()}"')


def show_migrations(ref: TenantRef) -> None:
    """Let that role read the schema's list of migrations, which must exist. Idempotent."""
    with transaction.atomic():
        with use_shared(), connection.cursor() as cursor:
            foreign = _schema_owner(cursor, ref.schema) == ref.role
        owner = ref if foreign else SHARED
        with use_tenant(owner), connection.cursor() as cursor:
            cursor.execute(f'GRANT USAGE ON SCHEMA "{ref.schema}" TO "{migrations_role()}"')
        with use_tenant(ref), connection.cursor() as cursor:
            cursor.execute(f'GRANT SELECT ON django_migrations TO "{migrations_role()}"')


def _server_version(cursor: Any) -> int:
    cursor.execute("SHOW server_version_num")
    return int(cursor.fetchone()[0])


def _may_become(cursor: Any, name: str) -> None:
    """Let this login SET ROLE to `name` without inheriting its rights (Postgres 16 and later)."""
    options = " WITH INHERIT FALSE, SET TRUE" if _server_version(cursor) >= 160000 else ""
    cursor.execute(f'GRANT "{name}" TO CURRENT_USER{options}')


def _schema_owner(cursor: Any, schema: str) -> str | None:
    cursor.execute(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s", [schema]
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _own_schema(cursor: Any, schema: str, role: str) -> bool:
    """Have the login own the schema without a right to use it: only to open, seal and drop it.

    An owner could always give itself back what it was denied, so it must not be the tenant's role.
    False when that is so and can't be changed: a schema of old on Postgres 15.
    """
    if _schema_owner(cursor, schema) == role:
        if _server_version(cursor) < 160000:
            return False
        # Within this transaction the login has the role's rights, and nobody else sees that.
        cursor.execute(f'GRANT "{role}" TO CURRENT_USER WITH INHERIT TRUE')
        cursor.execute(f'ALTER SCHEMA "{schema}" OWNER TO CURRENT_USER')
        cursor.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"')
        _may_become(cursor, role)
    cursor.execute(f'REVOKE ALL ON SCHEMA "{schema}" FROM CURRENT_USER')
    return True
