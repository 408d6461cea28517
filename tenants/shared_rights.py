"""What a tenant's role may do outside its own schema: a few tables, of some only its own rows.

Everything is granted to one role that all tenant roles inherit, so that a new tenant costs no grant
and a change here is a change for all. `ensure_shared_grants` makes it so, on any database.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.db import connection, transaction

from tenants.context import SCHEMA_LENGTH, use_shared
from tenants.role_names import ROLE_LENGTH, database_name, tenants_role

log = logging.getLogger(__name__)

# table -> privileges of every tenant on it. Content types: foreign keys of auth's permissions.
# The queue: a task is enqueued in the tenant's own transaction, and its signed payload can't be
# read back. Tickets: written with their run.
SHARED_GRANTS: dict[str, str] = {
    "django_content_type": "SELECT, REFERENCES",
    "django_q_ormq": "SELECT (id), INSERT (key, payload, lock)",
    "tickets_ticket": "SELECT, INSERT, UPDATE, DELETE",
    "tickets_paused": "SELECT, INSERT, UPDATE, DELETE",
}
# table -> the column that says whose a row is. A tenant's role sees and writes its own rows only;
# the login owns these tables, so that executors and the console see all.
OWN_ROWS: dict[str, str] = {"tickets_ticket": "schema", "tickets_paused": "schema"}

# Two starts at once would trip over each other's changes to the same catalogue rows.
_LOCK = 0x636F6E636F7264


def own_row(column: str, role: str = "current_user") -> str:
    """The SQL condition that `role` is the tenant's of the schema in `column`: `role_name` in SQL.

    It asks for the role and nothing else, because a path and a setting can be set by anybody. The
    short form is half the cost, and enough while no role's name is ever shortened.
    """
    database = database_name()
    quoted = database.replace("'", "''")
    full = f"'{quoted}__' || {column}"
    if len(database) + len("__") + SCHEMA_LENGTH <= ROLE_LENGTH:
        return f"{role} = {full}"
    digest = f"left(encode(sha256(convert_to({full}, 'UTF8')), 'hex'), 16)"
    return (
        f"{role} = CASE WHEN length({full}) <= {ROLE_LENGTH} THEN {full} "
        f"ELSE left({full}, 46) || '_' || {digest} END"
    )


def ensure_shared_grants() -> None:
    """Make the tenants' common role with exactly the rights listed here. Idempotent.

    Taken back first, so that a right which is no longer listed goes.
    """
    role = tenants_role()
    with use_shared(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        ensure_role(cursor, role)
        _close_to_public(cursor, role)
        for table, privileges in SHARED_GRANTS.items():
            cursor.execute(f'REVOKE ALL ON public."{table}" FROM "{role}"')
            cursor.execute(f'GRANT {privileges} ON public."{table}" TO "{role}"')
        for table, column in OWN_ROWS.items():
            _ensure_policy(cursor, table, own_row(column))


def ensure_role(cursor: Any, name: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
    if cursor.fetchone() is None:
        cursor.execute(f'CREATE ROLE "{name}" NOLOGIN NOSUPERUSER INHERIT')


def _close_to_public(cursor: Any, role: str) -> None:
    """Nobody makes objects in the shared schema, nor temporary ones.

    A temporary table outlives the switch to another tenant on the same connection and would stand
    in front of that tenant's own of the same name.
    """
    cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    cursor.execute(f'REVOKE ALL ON SCHEMA public FROM "{role}"')
    cursor.execute(f'GRANT USAGE ON SCHEMA public TO "{role}"')
    cursor.execute(f'REVOKE TEMPORARY, CREATE ON DATABASE "{database_name()}" FROM PUBLIC')
    cursor.execute(
        "SELECT has_database_privilege(%s, current_database(), 'TEMPORARY'), "
        "has_schema_privilege(%s, 'public', 'CREATE')",
        [role, role],
    )
    if True in cursor.fetchone():
        log.warning(
            "tenants may make temporary tables or objects in the shared schema: the login must own "
            "the database and its schema public (see Postgres in the deployers' documentation)"
        )


def _ensure_policy(cursor: Any, table: str, condition: str) -> None:
    """Row-level security by `condition`. The table is locked only when something changes."""
    name = f"own_rows_{hashlib.sha256(condition.encode()).hexdigest()[:12]}"
    cursor.execute(
        "SELECT c.relrowsecurity, array(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid)"
        " FROM pg_class c WHERE c.oid = to_regclass(%s)",
        [f"public.{table}"],
    )
    enabled, policies = cursor.fetchone()
    if enabled and policies == [name]:
        return
    for other in policies:
        cursor.execute(f'DROP POLICY "{other}" ON public."{table}"')
    cursor.execute(
        f'CREATE POLICY "{name}" ON public."{table}" USING ({condition}) WITH CHECK ({condition})'
    )
    cursor.execute(f'ALTER TABLE public."{table}" ENABLE ROW LEVEL SECURITY')
