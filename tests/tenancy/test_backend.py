"""The backend puts every statement on the context's tenant, whatever happened to the connection."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from tenants.accounts.models import Member
from tenants.context import TenantNotSet, TenantRef, use_shared, use_tenant

pytestmark = pytest.mark.django_db


def where() -> tuple[str, str]:
    """The schema and role the server itself says it is on, asked through a cursor."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        row = cursor.fetchone()
        return row[0], row[1]


def test_adjacent_statements_of_two_tenants_on_one_connection(
    acme: TenantRef, globex: TenantRef
) -> None:
    for _ in range(5):
        with use_tenant(acme):
            assert where() == ("acme", acme.role)
        with use_tenant(globex):
            assert where() == ("globex", globex.role)
        with use_shared():
            assert where()[0] == "public"


def test_without_a_tenant_nothing_is_sent() -> None:
    import contextvars

    def query() -> None:
        Member.objects.count()

    with pytest.raises(TenantNotSet):
        contextvars.Context().run(query)


def test_a_tenant_table_is_not_in_reach_of_the_shared_path() -> None:
    with use_shared(), pytest.raises(DatabaseError, match="accounts_member"), transaction.atomic():
        Member.objects.count()


def test_rollback_takes_the_path_back_and_the_next_statement_sets_it_anew(
    acme: TenantRef, globex: TenantRef
) -> None:
    with use_tenant(acme):
        where()
        with pytest.raises(ZeroDivisionError), transaction.atomic(), use_tenant(globex):
            assert where()[0] == "globex"
            raise ZeroDivisionError
        assert where()[0] == "acme"
    with use_tenant(globex):
        assert where()[0] == "globex"


def test_an_aborted_transaction_keeps_its_own_error(acme: TenantRef, globex: TenantRef) -> None:
    with use_tenant(acme), pytest.raises(DatabaseError), transaction.atomic():
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")
        with use_tenant(globex), connection.cursor() as cursor:
            with pytest.raises(DatabaseError, match="aborted"):
                cursor.execute("SELECT 1")
            raise DatabaseError("leave")
    with use_tenant(globex):
        assert where()[0] == "globex"


@pytest.mark.parametrize(
    "foreign",
    [
        'SET search_path TO "globex", "public"',
        'SET LOCAL search_path TO "globex"',
        "SET search_path TO public",
    ],
)
def test_somebody_elses_set_does_not_last_beyond_its_statement(
    acme: TenantRef, foreign: str
) -> None:
    with use_tenant(acme), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(foreign)
        assert where()[0] == "acme"


def test_a_held_cursor_follows_the_switch(acme: TenantRef, globex: TenantRef) -> None:
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        assert cursor.fetchone() == ("acme",)
        with use_tenant(globex):
            cursor.execute("SELECT current_schema()")
            assert cursor.fetchone() == ("globex",)


def test_a_server_side_cursor_stays_where_it_was_opened(acme: TenantRef, globex: TenantRef) -> None:
    with use_tenant(acme):
        Member.objects.create(username="only-in-acme")
        rows = Member.objects.order_by("username").values_list("username", flat=True)
        reading = rows.iterator(chunk_size=2)
        seen = [next(reading)]
        with use_tenant(globex):
            assert where()[0] == "globex"
            seen.extend(reading)
        assert "only-in-acme" in seen


def test_executemany_is_checked_too(acme: TenantRef, globex: TenantRef) -> None:
    with use_tenant(acme), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with use_tenant(globex):
            cursor.executemany(
                "INSERT INTO auth_group (name) VALUES (%s)", [("one of globex",), ("two",)]
            )
            cursor.execute("SELECT count(*) FROM auth_group WHERE name = 'one of globex'")
            assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM auth_group WHERE name = 'one of globex'")
        assert cursor.fetchone() == (0,)


def test_a_lazy_queryset_runs_under_its_evaluators_tenant(
    acme: TenantRef, globex: TenantRef
) -> None:
    with use_tenant(acme):
        Member.objects.create(username="lazy")
        lazy = Member.objects.filter(username="lazy")
    with use_tenant(globex):
        assert list(lazy) == []


def test_a_schema_that_is_gone_is_an_error_and_never_another(acme: TenantRef) -> None:
    ghost = TenantRef(schema="ghost", role="no_such_role")
    with pytest.raises(DatabaseError, match="ghost"), transaction.atomic(), use_tenant(ghost):
        where()
    with use_tenant(acme):
        assert where()[0] == "acme"


def test_the_connection_itself_has_no_tenant_to_set() -> None:
    with pytest.raises(RuntimeError, match="use_tenant"):
        connection.set_tenant(object())
    with pytest.raises(RuntimeError, match="use_tenant"):
        connection.set_schema_to_public()


def test_another_tenants_table_is_refused_by_its_qualified_name(
    acme: TenantRef, globex: TenantRef
) -> None:
    with use_tenant(acme), transaction.atomic():
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT * FROM globex.accounts_member")
        assert where()[0] == "acme"


def test_the_login_alone_reads_no_tenant(database: None) -> None:
    from tenants.pool import connection_parameters

    with psycopg.connect(**connection_parameters()) as raw:
        row = raw.execute(
            "SELECT rolsuper, rolinherit FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw.execute("SELECT * FROM acme.accounts_member")
