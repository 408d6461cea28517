"""Every way short of SET ROLE to reach another tenant's rows, refused by the database itself."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tenants.context import TenantRef, use_shared
from tenants.models import Tenant
from tests.tenancy.tricks import Session, session

SECRET = "only globex knows"


@pytest.fixture(scope="module")
def refs(database: None, django_db_blocker: object) -> dict[str, TenantRef]:
    with django_db_blocker.unblock(), use_shared():  # type: ignore[attr-defined]
        return {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}


@pytest.fixture(scope="module")
def secret(refs: dict[str, TenantRef], django_db_blocker: object) -> Iterator[str]:
    """A row of globex, committed, that acme must never see."""
    with session(refs["globex"]) as theirs:
        theirs.say("INSERT INTO auth_group (name) VALUES (%s)", [SECRET])
        yield SECRET
        theirs.say("DELETE FROM auth_group WHERE name = %s", [SECRET])


@pytest.fixture
def acme_session(refs: dict[str, TenantRef], secret: str) -> Iterator[Session]:
    with session(refs["acme"]) as opened:
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM globex.auth_group",
        "INSERT INTO globex.auth_group (name) VALUES ('x')",
        "UPDATE globex.auth_group SET name = name",
        "DELETE FROM globex.auth_group",
        "TRUNCATE globex.auth_group CASCADE",
        "COPY globex.auth_group TO STDOUT",
        "COPY (SELECT * FROM globex.auth_group) TO STDOUT",
        "LOCK TABLE globex.auth_group",
        "SELECT nextval('globex.auth_group_id_seq')",
        "SELECT last_value FROM globex.auth_group_id_seq",
        "SELECT 'globex.auth_group'::regclass",
        "SELECT query_to_xml('SELECT * FROM globex.auth_group', true, true, '')",
        "SELECT table_to_xml('globex.auth_group', true, true, '')",
        "DO $$ BEGIN PERFORM * FROM globex.auth_group; END $$",
        "DECLARE c CURSOR FOR SELECT * FROM globex.auth_group",
        "PREPARE p AS SELECT * FROM globex.auth_group",
        "EXPLAIN SELECT * FROM globex.auth_group",
        "ALTER TABLE globex.auth_group OWNER TO CURRENT_USER",
        "DROP SCHEMA globex CASCADE",
        "GRANT USAGE ON SCHEMA globex TO CURRENT_USER",
        "ALTER TABLE accounts_member ADD FOREIGN KEY (id) REFERENCES globex.auth_group (id)",
    ],
)
def test_a_qualified_name_of_another_tenant_is_refused(
    acme_session: Session, statement: str
) -> None:
    assert "permission denied" in acme_session.refused(statement) or "must be owner" in (
        acme_session.refused(statement)
    )


@pytest.mark.parametrize(
    "path",
    [
        "SET search_path TO globex",
        "SET LOCAL search_path TO globex, public",
        "SELECT set_config('search_path', 'globex', true)",
        "SELECT set_config('search_path', 'globex, acme, public', false)",
    ],
)
def test_another_path_finds_nothing_of_another_tenant(acme_session: Session, path: str) -> None:
    raw = acme_session.raw
    with raw.transaction():
        acme_session.say(path)
        try:
            with raw.transaction():
                rows = acme_session.say("SELECT name FROM auth_group")
        except psycopg.errors.UndefinedTable:
            rows = []  # a schema one may not use is passed over
        assert (SECRET,) not in rows


@pytest.mark.parametrize(
    "reset", ["RESET ROLE", "SET ROLE NONE", "SELECT set_config('role', 'none', false)"]
)
def test_without_the_role_no_tenants_table_is_left_not_even_the_own(
    acme_session: Session, reset: str
) -> None:
    acme_session.say(reset)
    for schema in ("globex", "acme"):
        assert "permission denied" in acme_session.refused(f"SELECT * FROM {schema}.auth_group")


def test_the_next_tenant_on_such_a_connection_is_on_its_own_again(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    acme_session.say("RESET ROLE; SET search_path TO public; SET row_security TO off")
    acme_session.become(refs["globex"])
    assert acme_session.say("SELECT current_schema(), current_user") == [
        ("globex", refs["globex"].role)
    ]


def test_the_roles_of_others_and_their_rights_can_not_be_had(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    role = refs["globex"].role
    for statement in (
        f'GRANT "{role}" TO CURRENT_USER',
        f'ALTER ROLE "{role}" SET search_path TO acme',
        f'SET SESSION AUTHORIZATION "{role}"',
        f'REASSIGN OWNED BY "{role}" TO CURRENT_USER',
        f'ALTER DEFAULT PRIVILEGES FOR ROLE "{role}" GRANT SELECT ON TABLES TO CURRENT_USER',
        "CREATE ROLE another",
        "ALTER ROLE CURRENT_USER CREATEROLE",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
    ):
        acme_session.refused(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY auth_group TO PROGRAM 'cat'",
        "COPY auth_group TO '/tmp/out'",
        "COPY auth_group (name) FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE FOREIGN DATA WRAPPER elsewhere",
        "CREATE LANGUAGE another HANDLER plpgsql_call_handler",
        "SET session_replication_role TO replica",
        "LOAD 'auto_explain'",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_statistic",
        "SELECT * FROM pg_largeobject",
        "SELECT * FROM pg_user_mapping",
        "CREATE SCHEMA another",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION pg_sleep()",
        "SELECT pg_logical_emit_message(true, 'a', 'b'), pg_switch_wal()",
    ],
)
def test_the_machine_and_the_server_are_out_of_reach(acme_session: Session, statement: str) -> None:
    acme_session.refused(statement)


def test_the_shared_schema_is_what_is_listed_and_nothing_else(acme_session: Session) -> None:
    from tenants.shared_rights import SHARED_GRANTS

    tables = acme_session.say("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > len(SHARED_GRANTS)
    for (table,) in tables:
        if table not in SHARED_GRANTS:
            assert "permission denied" in acme_session.refused(f"SELECT * FROM public.{table}")
            assert "permission denied" in acme_session.refused(f"DELETE FROM public.{table}")


def test_catalogues_of_rights_show_no_table_of_another(acme_session: Session) -> None:
    for view in ("tables", "columns", "table_privileges", "views", "triggers"):
        column = "trigger_schema" if view == "triggers" else "table_schema"
        rows = acme_session.say(
            f"SELECT 1 FROM information_schema.{view} WHERE {column} = 'globex'"
        )
        assert rows == [], view


def test_statistics_of_another_tenants_values_are_hidden(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    with session(refs["globex"]) as theirs:
        theirs.say("ANALYZE auth_group")
        assert theirs.say("SELECT 1 FROM pg_stats WHERE schemaname = 'globex'")
    assert acme_session.say("SELECT 1 FROM pg_stats WHERE schemaname = 'globex'") == []


def test_what_other_sessions_ask_is_hidden(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    with session(refs["globex"]) as theirs:
        pid = theirs.say("SELECT pg_backend_pid()")[0][0]
        seen = acme_session.say("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid])
        assert seen == [("<insufficient privilege>",)]
        acme_session.refused(f"SELECT pg_cancel_backend({pid})")
        acme_session.refused(f"SELECT pg_terminate_backend({pid})")
        assert theirs.say("SELECT 1") == [(1,)]


def test_a_large_object_of_another_is_neither_read_nor_written(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    with session(refs["globex"]) as theirs:
        oid = theirs.say("SELECT lo_from_bytea(0, 'secret')")[0][0]
        acme_session.refused(f"SELECT lo_get({oid})")
        acme_session.refused(f"SELECT lo_put({oid}, 0, 'x')")
        acme_session.refused(f"SELECT lo_unlink({oid})")
        theirs.say(f"SELECT lo_unlink({oid})")


def test_a_statement_prepared_by_one_tenant_reads_the_next_ones_rows(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    acme_session.say("PREPARE groups AS SELECT count(*) FROM auth_group WHERE name = $1")
    ask = f"EXECUTE groups('{SECRET}')"
    for slug, found in (("acme", 0), ("globex", 1), ("acme", 0)):
        acme_session.become(refs[slug])
        assert acme_session.say(ask) == [(found,)]


def test_a_right_given_away_opens_no_schema(
    acme_session: Session, refs: dict[str, TenantRef]
) -> None:
    """Only who owns a schema lets others in, and that is no tenant's role."""
    with session(refs["globex"]) as theirs:
        try:
            theirs.say("GRANT SELECT ON auth_group TO PUBLIC")
            theirs.say(f'GRANT USAGE ON SCHEMA globex TO "{refs["acme"].role}"')  # a warning only
            assert "schema globex" in acme_session.refused("SELECT * FROM globex.auth_group")
        finally:
            theirs.say("REVOKE SELECT ON auth_group FROM PUBLIC")


def test_the_database_has_no_door_to_elsewhere_and_no_function_with_others_rights(
    acme_session: Session,
) -> None:
    assert acme_session.say("SELECT 1 FROM pg_foreign_data_wrapper") == []
    assert acme_session.say("SELECT proname FROM pg_proc WHERE prosecdef") == []
