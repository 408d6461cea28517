"""Every constraint and index that a model declares is in every tenant's schema."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from tenants.context import TenantRef, use_tenant


def declared() -> set[tuple[str, str]]:
    """(table, name) of what models of tenants' apps declare in their Meta."""
    found = set()
    for model in apps.get_models():
        if model._meta.proxy or not model._meta.managed:
            continue
        named = [*model._meta.constraints, *model._meta.indexes]
        found |= {(model._meta.db_table, each.name) for each in named}
    return found


@pytest.mark.django_db
def test_no_declared_constraint_or_index_got_lost(acme: TenantRef, globex: TenantRef) -> None:
    assert ("agents_run", "one_live_run_per_session") in declared()
    for ref in (acme, globex):
        with use_tenant(ref), connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname, i.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid "
                "JOIN pg_class i ON i.oid = x.indexrelid "
                "WHERE c.relnamespace IN (%s::regnamespace, 'public'::regnamespace) "
                "UNION SELECT c.relname, k.conname FROM pg_constraint k "
                "JOIN pg_class c ON c.oid = k.conrelid "
                "WHERE c.relnamespace IN (%s::regnamespace, 'public'::regnamespace)",
                [ref.schema, ref.schema],
            )
            there = set(cursor.fetchall())
        assert declared() - there == set()
