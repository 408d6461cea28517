"""The Postgres roles behind the tenants: one NOLOGIN role owns each tenant's schema and tables.

The application's login is a member of every tenant role but inherits nothing (NOINHERIT), so with
no role set it reads no tenant's table, and under one tenant's role no other tenant's. What a tenant
may do in the shared schema is listed here, once, and granted to a role they all inherit.
"""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import connection, transaction

from tenants.context import use_shared

# table -> privileges of every tenant on it. Content types: foreign keys of auth's permissions.
# The queue: a task is enqueued in the tenant's own transaction. Tickets: written with their run.
SHARED_GRANTS: dict[str, str] = {
    "django_content_type": "SELECT, REFERENCES",
    "django_q_ormq": "SELECT (id), INSERT",
    "tickets_ticket": "SELECT, INSERT, UPDATE, DELETE",
}
SHARED_SEQUENCES = ("django_q_ormq_id_seq",)


def _database() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _fit(name: str) -> str:
    """Roles belong to the whole cluster: prefixed with the database, within 63 bytes."""
    if len(name) <= 63:
        return name
    return f"{name[:46]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def role_name(schema: str) -> str:
    return _fit(f"{_database()}__{schema}")


def tenants_role() -> str:
    """The role whose rights on the shared schema all tenant roles inherit."""
    return _fit(f"{_database()}--tenants")


def _ensure_role(cursor: object, name: str) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
    if cursor.fetchone() is None:  # type: ignore[attr-defined]
        execute(f'CREATE ROLE "{name}" NOLOGIN NOSUPERUSER INHERIT')


def _may_become(cursor: object, name: str) -> None:
    """Let this login SET ROLE to `name` without inheriting its rights (Postgres 16 and later)."""
    cursor.execute("SHOW server_version_num")  # type: ignore[attr-defined]
    version = int(cursor.fetchone()[0])  # type: ignore[attr-defined]
    options = " WITH INHERIT FALSE, SET TRUE" if version >= 160000 else ""
    cursor.execute(f'GRANT "{name}" TO CURRENT_USER{options}')  # type: ignore[attr-defined]


def ensure_shared_grants() -> None:
    """Make the tenants' common role and grant it what SHARED_GRANTS says. Idempotent."""
    role = tenants_role()
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        _ensure_role(cursor, role)
        cursor.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
        for table, privileges in SHARED_GRANTS.items():
            cursor.execute(f'GRANT {privileges} ON public."{table}" TO "{role}"')
        for sequence in SHARED_SEQUENCES:
            cursor.execute(f'GRANT USAGE ON SEQUENCE public."{sequence}" TO "{role}"')


def ensure_tenant_schema(schema: str) -> None:
    """Make the tenant's role and the schema it owns. Idempotent; shared grants must exist."""
    role = role_name(schema)
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        _ensure_role(cursor, role)
        _may_become(cursor, role)
        cursor.execute(f'GRANT "{tenants_role()}" TO "{role}"')
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}" AUTHORIZATION "{role}"')


def ensure_platform_schema(schema: str) -> None:
    """The platform's own schema belongs to the login itself: it administers the shared one."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')


def drop_tenant_schema(schema: str) -> None:
    """Remove a schema, all its tables and its role. What is gone is gone."""
    role = role_name(schema)
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
            return
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        cursor.execute("RESET ROLE")
        cursor.execute(f'DROP ROLE "{role}"')
