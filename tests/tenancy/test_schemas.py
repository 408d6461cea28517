"""What lies in which schema, who owns it, and what making a tenant leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection

from tenants import provisioning
from tenants.accounts.models import Member
from tenants.context import use_shared, use_tenant
from tenants.models import Tenant
from tenants.roles import role_name


def tables(schema: str) -> dict[str, str]:
    """Table -> owner."""
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = %s", [schema]
        )
        return dict(cursor.fetchall())


@pytest.mark.django_db
def test_no_tenant_table_lies_in_the_shared_schema() -> None:
    shared, tenant = tables("public"), tables("acme")
    assert "tenants_tenant" in shared
    assert "django_content_type" in shared
    assert set(shared) & set(tenant) == {"django_migrations"}


@pytest.mark.django_db
def test_each_schema_belongs_to_its_own_role() -> None:
    for slug in ("acme", "globex"):
        owners = set(tables(slug).values())
        assert owners == {role_name(slug)}


@pytest.fixture
def fresh(committed: None) -> Iterator[str]:
    yield "initech"
    with use_shared():
        tenant = Tenant.objects.filter(schema_name="initech").first()
    if tenant is not None:
        provisioning.drop_tenant(tenant)


def test_a_new_tenant_is_whole_and_a_dropped_one_is_gone(fresh: str) -> None:
    tenant = provisioning.create_tenant(fresh, "Initech", ["initech.localhost"])
    assert tenant.state == Tenant.State.ACTIVE
    assert set(tables(fresh)) == set(tables("acme"))
    with use_tenant(tenant.ref):
        assert Member.objects.count() == 0
        Member.objects.create_user("someone", "a-password-1").groups.count()
    provisioning.drop_tenant(tenant)
    assert tables(fresh) == {}
    with use_shared(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [role_name(fresh)])
        assert cursor.fetchone() == (0,)


def test_a_set_up_that_failed_says_why_and_can_be_repeated(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioning.declare_tenant(fresh, "Initech", ["initech.localhost"])

    def broken(*args: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(provisioning, "clone_schema", broken)
        with pytest.raises(RuntimeError):
            provisioning.set_up_tenant(fresh)
    with use_shared():
        failed = Tenant.objects.get(schema_name=fresh)
    assert (failed.state, "disk is full" in failed.problem) == (Tenant.State.FAILED, True)
    call_command("migrate", verbosity=0)
    with use_shared():
        assert Tenant.objects.get(schema_name=fresh).state == Tenant.State.ACTIVE


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["public", "platform", "Acme", "acme", "pg_x-y", "1st", ""])
def test_a_slug_that_can_not_be_a_tenants_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError):
        provisioning.declare_tenant(slug, "Nobody", ["nobody.localhost"])
    with use_shared():
        assert not Tenant.objects.filter(name="Nobody").exists()


@pytest.mark.django_db
def test_a_host_can_not_be_taken_twice() -> None:
    with pytest.raises(ValidationError):
        provisioning.declare_tenant("hooli", "Hooli", ["ACME.localhost "])
    with use_shared():
        assert not Tenant.objects.filter(schema_name="hooli").exists()


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
