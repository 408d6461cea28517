"""At work a tenant's role makes nothing new, anywhere: so nobody trips over what it made.

Functions, operators, casts and views run with the rights of whoever uses them. What a tenant could
plant, somebody with more rights might run.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from tenants import provisioning
from tenants.context import SHARED, TenantRef, use_shared
from tenants.models import Tenant
from tenants.pool import connection_parameters
from tenants.roles import role_name, seal_open_schemas
from tests.tenancy.tricks import Session, session


@pytest.fixture
def refs(committed: None) -> dict[str, TenantRef]:
    with use_shared():
        return {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}


@pytest.fixture
def acme_session(refs: dict[str, TenantRef]) -> Iterator[Session]:
    with session(refs["acme"]) as opened:
        yield opened


@pytest.mark.parametrize("where", ["", "acme.", "public.", "pg_temp.", "pg_catalog.", "globex."])
@pytest.mark.parametrize(
    "planted",
    [
        "TABLE {}planted (id int)",
        "VIEW {}planted AS SELECT 1 AS id",
        "FUNCTION {}now(text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "OPERATOR {}= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = pg_catalog.texteq)",
        "TYPE {}planted AS (id int)",
        "SEQUENCE {}planted",
    ],
)
def test_nothing_can_be_planted(acme_session: Session, planted: str, where: str) -> None:
    acme_session.refused("CREATE " + planted.format(where))


def test_nor_in_the_ways_that_name_no_schema(acme_session: Session) -> None:
    for statement in (
        "CREATE TEMP TABLE tenants_tenant (id int)",
        "SELECT * INTO TEMP accounts_member FROM accounts_member",
        "CREATE TEMP VIEW tickets_ticket AS SELECT 1",
        "CREATE CAST (text AS int) WITH INOUT",
        "CREATE INDEX planted ON auth_group ((lower(name)))",
        "CREATE TRIGGER t BEFORE INSERT ON public.tickets_ticket FOR EACH ROW "
        "EXECUTE FUNCTION agents_refuse_revision_change()",
        "CREATE RULE r AS ON INSERT TO public.django_q_ormq DO INSTEAD NOTHING",
        "ALTER TABLE auth_group RENAME TO tenants_tenant",
        "ALTER FUNCTION agents_refuse_revision_change() RENAME TO now",
        "ALTER FUNCTION agents_refuse_revision_change() SET SCHEMA public",
    ):
        acme_session.refused(statement)


def test_a_schema_can_not_be_opened_by_the_role_it_serves(acme_session: Session) -> None:
    for opening in ("GRANT CREATE ON SCHEMA acme TO CURRENT_USER",):
        acme_session.say(opening)  # a warning: nothing was granted
        acme_session.refused("CREATE TABLE planted (id int)")
    acme_session.refused("ALTER SCHEMA acme OWNER TO CURRENT_USER")
    acme_session.refused("ALTER SCHEMA acme RENAME TO public2")


def test_temporary_tables_come_last_where_an_old_one_is_left(refs: dict[str, TenantRef]) -> None:
    """Before the right was taken away, or where the login doesn't own the database."""
    with psycopg.connect(**connection_parameters(), autocommit=True) as raw:
        raw.execute(
            "CREATE TEMP TABLE tenants_tenant (id int); CREATE TEMP TABLE auth_group (x int)"
        )
        for ref, table in ((SHARED, "tenants_tenant"), (refs["acme"], "auth_group")):
            raw.execute(ref.statement)
            found = raw.execute(
                f"SELECT '{table}'::regclass::oid::regclass::text, c.relnamespace "
                f"= pg_my_temp_schema() FROM pg_class c WHERE c.oid = '{table}'::regclass"
            )
            assert found.fetchone() == (table, False)


def test_the_login_has_no_path_on_which_a_tenant_could_stand(refs: dict[str, TenantRef]) -> None:
    """Under its own rights only the shared schema is on the path, and the platform's own."""
    for ref in (SHARED, *refs.values()):
        for each in (ref, ref.alone()):
            if "RESET ROLE" in each.statement:
                assert ref.kind in ("shared", "platform")
                for tenant in ("acme", "globex"):
                    assert tenant not in each.statement
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE has_schema_privilege(n.oid, 'USAGE')), count(*) "
            "FROM pg_namespace n JOIN public.tenants_tenant t ON t.schema_name = n.nspname "
            "WHERE t.kind = 'tenant'"
        )
        usable, schemas = cursor.fetchone()
    assert usable == 0 and schemas >= 2


def test_no_object_of_a_tenant_lies_outside_its_schema(refs: dict[str, TenantRef]) -> None:
    with use_shared(), connection.cursor() as cursor:
        for table, column, owner in (
            ("pg_class", "relnamespace", "relowner"),
            ("pg_proc", "pronamespace", "proowner"),
            ("pg_operator", "oprnamespace", "oprowner"),
            ("pg_type", "typnamespace", "typowner"),
        ):
            cursor.execute(
                f"SELECT DISTINCT n.nspname, pg_get_userbyid({owner}) FROM {table} o "
                f"JOIN pg_namespace n ON n.oid = o.{column} "
                f"WHERE pg_get_userbyid({owner}) = ANY(%s) AND n.nspname <> 'pg_toast'",
                [[ref.role for ref in refs.values() if ref.role]],
            )
            for schema, role in cursor.fetchall():
                assert role == role_name(schema), table


@pytest.fixture
def old_tenant(committed: None) -> Iterator[Tenant]:
    """A tenant as earlier versions made it: its role owns the schema."""
    slug = f"t{uuid4().hex[:8]}"
    tenant = provisioning.create_tenant(slug, slug, [f"{slug}.localhost"])
    role, login = role_name(slug), connection_parameters()["user"]
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(f'GRANT "{role}" TO "{login}" WITH INHERIT TRUE')
        cursor.execute(
            f'GRANT CREATE ON DATABASE "{connection_parameters()["dbname"]}" TO "{role}"'
        )
        cursor.execute(f'GRANT ALL ON SCHEMA "{slug}" TO "{role}"')
        cursor.execute(f'ALTER SCHEMA "{slug}" OWNER TO "{role}"')
        cursor.execute(
            f'REVOKE CREATE ON DATABASE "{connection_parameters()["dbname"]}" FROM "{role}"'
        )
        cursor.execute(f'GRANT "{role}" TO "{login}" WITH INHERIT FALSE')
    yield tenant
    provisioning.drop_tenant(tenant)
    with use_shared(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [slug])
        assert cursor.fetchone() is None


def test_a_schema_of_old_is_sealed_by_migrate(old_tenant: Tenant) -> None:
    with session(old_tenant.ref) as own:
        own.say("CREATE TABLE planted (id int); DROP TABLE planted")
    call_command("migrate", verbosity=0)
    assert seal_open_schemas() == []
    with session(old_tenant.ref) as own:
        own.refused("CREATE TABLE planted (id int)")
        assert own.say("SELECT count(*) >= 0 FROM auth_group") == [(True,)]
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(%s, 'USAGE'), has_schema_privilege(%s, 'USAGE')",
            [role_name(old_tenant.schema_name), old_tenant.schema_name],
        )
        assert cursor.fetchone() == (False, False)


def test_a_schema_of_old_is_dropped_as_well(old_tenant: Tenant) -> None:
    assert old_tenant.schema_name not in ("acme", "globex")  # the fixture drops it and looks
