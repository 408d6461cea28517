"""Which schemas lack which migrations: one statement over many schemas' lists.

It runs as a role that may read these lists and nothing else; the login itself may not.
"""

from __future__ import annotations

from functools import cache

from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from tenants.context import SCHEMA_NAME, use_shared
from tenants.role_names import migrations_role

_CHUNK = 100  # schemas in one statement

_UNREADABLE = """
SELECT s.name FROM unnest(%s::text[]) s (name)
LEFT JOIN pg_namespace n ON n.nspname = s.name
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'django_migrations'
WHERE NOT coalesce(has_schema_privilege(n.oid, 'USAGE')
                   AND has_table_privilege(c.oid, 'SELECT'), false)
"""


@cache
def migration_names() -> frozenset[tuple[str, str]]:
    """Every migration on disk, as (app, name): of this process' code, so read once."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def shared_is_current() -> bool:
    """Whether the shared schema has every migration on disk (recorded for both kinds of schema)."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.django_migrations')")
        if cursor.fetchone()[0] is None:
            return False
        cursor.execute("SELECT app, name FROM public.django_migrations")
        return migration_names() <= set(cursor.fetchall())


def missing_migrations(schemas: list[str]) -> dict[str, list[str] | None]:
    """Schema -> its missing migrations, as "app.name", for those that lack any.

    None for a schema that has no list of migrations yet, or none that may be read: whoever migrates
    it makes both. The shared schema must be current.
    """
    wrong = [schema for schema in schemas if not SCHEMA_NAME.fullmatch(schema)]
    if wrong:  # they become part of a statement
        raise ValueError(f"not a usable schema name: {wrong[0]!r}")
    found: dict[str, list[str] | None] = {}
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [migrations_role()])
        if cursor.fetchone() is None:  # from before there was one
            return dict.fromkeys(schemas)
        cursor.execute(f'SET LOCAL ROLE "{migrations_role()}"')
        cursor.execute(_UNREADABLE, [schemas])
        found.update((name, None) for (name,) in cursor.fetchall())
        readable = [schema for schema in schemas if schema not in found]
        for start in range(0, len(readable), _CHUNK):
            cursor.execute(*_statement(readable[start : start + _CHUNK]))
            for schema, names in cursor.fetchall():
                found[schema] = sorted(names)
        cursor.execute("RESET ROLE")
    return found


def _statement(schemas: list[str]) -> tuple[str, list[list[str]]]:
    wanted = sorted(migration_names())
    parts = (
        f"SELECT '{schema}', array_agg(w.app || '.' || w.name) FROM wanted w WHERE NOT EXISTS ("
        f'SELECT FROM "{schema}".django_migrations m WHERE m.app = w.app AND m.name = w.name) '
        "HAVING count(*) > 0"
        for schema in schemas
    )
    query = (
        "WITH wanted (app, name) AS (SELECT * FROM unnest(%s::text[], %s::text[])) "
        + " UNION ALL ".join(parts)
    )
    return query, [[app for app, _ in wanted], [name for _, name in wanted]]
