"""Django's migrations on one schema, as its own role, careful of who is using it."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection

from tenants.context import TenantRef, use_shared, use_tenant
from tenants.roles import ensure_migrations_role, ensure_shared_grants, show_migrations


def migrate_schema(ref: TenantRef, verbosity: int = 0) -> None:
    """Bring one schema's tables up to date, and its roles with their scopes."""
    from tenants.accounts.seed import ensure_roles

    with use_tenant(ref):
        _politely(lambda: call_command("migrate_one", verbosity=verbosity))
        ensure_roles()


def migrate_shared(verbosity: int = 0) -> None:
    """Bring the shared schema up to date, with what the tenants may do in it."""
    with use_shared():
        _politely(lambda: call_command("migrate_one", verbosity=verbosity))
        ensure_shared_grants()
        ensure_migrations_role()


def migrate_and_show(ref: TenantRef) -> None:
    """`migrate_schema`, and let it be seen which migrations the schema has had."""
    migrate_schema(ref)
    show_migrations(ref)


def _politely(work: Callable[[], object]) -> None:
    """A change of a table waits for those who use it, and all others wait behind it.

    So it waits a short time only, leaves, and tries again: a server goes on answering meanwhile.
    What is done is recorded migration by migration, so another try goes on where this one ended.
    """
    attempts = settings.MIGRATE_LOCK_ATTEMPTS
    for attempt in range(1, attempts + 1):
        _set_lock_timeout(f"{int(settings.MIGRATE_LOCK_SECONDS * 1000)}ms")
        try:
            work()
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            if attempt == attempts:
                raise
            time.sleep(min(attempt, 5))
        finally:
            if connection.connection is not None and not connection.needs_rollback:
                _set_lock_timeout("0")


def _set_lock_timeout(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [value])
