"""A cloned schema is like a migrated one, and the comparison that says so finds what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from config.embedded import Cluster
from tenants import provisioning
from tenants.accounts.models import Member
from tenants.cloning import NotCopied, clone_schema
from tenants.context import SHARED, TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tenants.roles import drop_tenant_schema, ensure_tenant_schema, seal_tenant_schema
from tenants.schema_migration import migrate_and_show
from tenants.schema_shape import Shape, differences, schema_shape
from tenants.template import TEMPLATE_SCHEMA, ensure_template, template
from tests.tenancy.zoo import CHANGES, NOT_COPIED, ONE_OF_EVERYTHING, ref


def run(where: TenantRef, sql: str) -> None:
    with use_tenant(where), connection.cursor() as cursor:
        cursor.execute(sql)


def ask(where: TenantRef, sql: str) -> tuple[object, ...]:
    with use_tenant(where), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()  # type: ignore[no-any-return]


@pytest.fixture
def schemas(committed: None) -> Iterator[list[str]]:
    """Names of schemas, or tenants, to drop in the end."""
    names: list[str] = []
    yield names
    for name in names:
        with use_shared():
            tenant = Tenant.objects.filter(schema_name=name).first()
        if tenant is not None:
            provisioning.drop_tenant(tenant)
        else:
            drop_tenant_schema(name)


# --- the product's own schema ---------------------------------------------------------------------


def test_a_cloned_tenant_is_like_a_migrated_one(schemas: list[str]) -> None:
    schemas += ["initech", "longway"]
    cloned = provisioning.create_tenant("initech", "Initech", ["initech.localhost"])
    ensure_tenant_schema("longway")
    migrate_and_show(ref("longway"))
    seal_tenant_schema("longway")
    migrated = schema_shape(ref("longway"))
    assert len(migrated) > 100
    assert differences(migrated, schema_shape(cloned.ref)) == []
    for model in (Group, Permission):
        with use_tenant(ref("longway")):
            wanted = list(model.objects.order_by("pk").values_list())
        with use_tenant(cloned.ref):
            assert list(model.objects.order_by("pk").values_list()) == wanted


def test_a_cloned_tenant_counts_for_itself(schemas: list[str]) -> None:
    schemas += ["initech", "hooli"]
    with use_tenant(template()):
        before = Group.objects.count()
    for slug in schemas:
        tenant = provisioning.create_tenant(slug, slug, [f"{slug}.localhost"])
        with use_tenant(tenant.ref):
            assert Member.objects.create_user("first", "a-password-1").pk == 1
            assert Group.objects.create(name="more").pk == before + 1
    with use_tenant(template()):
        assert (Group.objects.count(), Member.objects.count()) == (before, 0)


def test_a_template_that_is_behind_is_brought_up_to_date_first(schemas: list[str]) -> None:
    schemas.append("initech")
    with use_tenant(template()):
        call_command("migrate_one", "sessions", "zero", verbosity=0)
    found = differences(schema_shape(ref("acme")), schema_shape(template()))
    assert any(said.startswith("relation django_session is missing") for said in found)
    tenant = provisioning.create_tenant("initech", "Initech", ["initech.localhost"])
    assert differences(schema_shape(ref("acme")), schema_shape(tenant.ref)) == []


def test_a_template_that_can_not_be_copied_is_no_hindrance(schemas: list[str]) -> None:
    schemas.append("initech")
    ensure_template()
    ensure_tenant_schema(TEMPLATE_SCHEMA)
    run(template(), "CREATE VIEW recent AS SELECT 1 AS one")
    try:
        tenant = provisioning.create_tenant("initech", "Initech", ["initech.localhost"])
    finally:
        run(template(), "DROP VIEW recent")
        seal_tenant_schema(TEMPLATE_SCHEMA)
    assert tenant.state == Tenant.State.ACTIVE
    assert differences(schema_shape(template()), schema_shape(tenant.ref)) == []


# --- one of everything ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zoo(database: None, django_db_blocker: object) -> Iterator[tuple[TenantRef, TenantRef]]:
    """A schema with one of everything, and its clone."""
    cluster = Cluster(Path(os.environ["DATA_DIR"]), durable=False)
    with cluster.superuser(settings.DATABASES["default"]["NAME"]) as superuser:
        superuser.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    first, second = ref("zoo_a"), ref("user")  # the second a name that needs quoting
    with django_db_blocker.unblock(), use_shared():  # type: ignore[attr-defined]
        for name in (first, second):
            ensure_tenant_schema(name.schema)
        run(first, ONE_OF_EVERYTHING)
        clone_schema(first, second)
    yield first, second
    with django_db_blocker.unblock(), use_shared():  # type: ignore[attr-defined]
        for name in (first, second):
            drop_tenant_schema(name.schema)
        connection.close()


Zoo = tuple[TenantRef, TenantRef]


def test_a_clone_has_one_of_everything(zoo: Zoo, committed: None) -> None:
    shape = schema_shape(zoo[0])
    assert {what.partition(" ")[0] for what in shape} >= {
        *("schema", "relation", "column", "constraint", "index", "sequence", "trigger"),
        *("function", "policy", "privileges", "comment"),
    }
    assert "vector(384)" in shape["column Ani mal.embedding"]
    assert "hnsw" in shape["index near"] and "m='8'" in shape["index near"]
    assert differences(shape, schema_shape(zoo[1])) == []


def test_a_clones_rows_are_the_originals(zoo: Zoo, committed: None) -> None:
    for table in ("kind", '"Ani mal"'):
        query = f"SELECT array_agg(t.*::text ORDER BY t.id) FROM {table} t"
        assert ask(zoo[1], query) == ask(zoo[0], query)


def test_a_clones_sequences_defaults_and_triggers_are_its_own(zoo: Zoo, committed: None) -> None:
    first, second = zoo
    before = ask(first, 'SELECT last_value FROM "Ani mal_id_seq"')
    with transaction.atomic():
        added = ask(
            second,
            'INSERT INTO "Ani mal" ("the ""n"" one", kind_id, legs) VALUES (\'other\', 3, 8)'
            " RETURNING id, shoes, number, tag",
        )
        transaction.set_rollback(True)
    assert added == (2, 16, 2, 12)
    assert ask(first, 'SELECT last_value FROM "Ani mal_id_seq"') == before
    with pytest.raises(DatabaseError, match="no; not even 100%"), transaction.atomic():
        run(second, 'UPDATE "Ani mal" SET legs = 3')


def test_a_dropped_original_leaves_its_clone_whole(zoo: Zoo, committed: None) -> None:
    """Nothing in the clone depends on the original."""
    second = zoo[1]
    shape = schema_shape(second)
    with transaction.atomic():
        run(SHARED, "DROP SCHEMA zoo_a CASCADE")
        after = schema_shape(second)
        transaction.set_rollback(True)
    assert differences(shape, after) == []


@pytest.mark.parametrize("change", CHANGES)
def test_the_comparison_finds(zoo: Zoo, committed: None, change: str) -> None:
    shape = schema_shape(zoo[0])
    assert differences(shape, changed_shape(zoo[1], "SELECT 1")) == []
    found = differences(shape, changed_shape(zoo[1], change))
    assert any(said.startswith(f"{CHANGES[change]} ") for said in found), found


def changed_shape(where: TenantRef, change: str) -> Shape:
    with transaction.atomic():
        run(where, "SET CONSTRAINTS ALL IMMEDIATE; " + change)
        shape = schema_shape(where)
        transaction.set_rollback(True)
    return shape


@pytest.mark.parametrize("change", NOT_COPIED)
def test_what_a_copy_would_leave_out_is_refused(zoo: Zoo, schemas: list[str], change: str) -> None:
    schemas.append("zoo_c")
    ensure_tenant_schema("zoo_c")
    with transaction.atomic():
        run(zoo[0], change.format(schema=zoo[0].schema))
        with pytest.raises(NotCopied, match=NOT_COPIED[change]):
            clone_schema(zoo[0], ref("zoo_c"))
        transaction.set_rollback(True)
