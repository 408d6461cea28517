"""Tickets of all tenants lie in one table: a tenant's role has its own rows and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from agents.tickets.models import Ticket
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tenants.role_names import role_name
from tenants.shared_rights import OWN_ROWS, SHARED_GRANTS, ensure_shared_grants, own_row
from tests.tenancy.tricks import Session, session

TABLE = "public.tickets_ticket"
NEW = (
    f"INSERT INTO {TABLE} (run_id, schema, kind, slug, member_id, owner, not_before)"
    " VALUES (%s, %s, 'agent', 'a', 1, '', now() + interval '1 day')"
)


@pytest.fixture
def refs(committed: None) -> dict[str, TenantRef]:
    with use_shared():
        return {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}


@pytest.fixture
def tickets(refs: dict[str, TenantRef]) -> Iterator[dict[str, UUID]]:
    """A ticket of each tenant, committed; nobody claims them before tomorrow."""
    made = {"acme": uuid4(), "globex": uuid4()}
    for slug, run_id in made.items():
        with session(refs[slug]) as own:
            own.say(NEW, [run_id, slug])
    yield made
    with use_shared():
        Ticket.objects.filter(pk__in=made.values()).delete()


@pytest.fixture
def acme_session(refs: dict[str, TenantRef], tickets: Any) -> Iterator[Session]:
    with session(refs["acme"]) as opened:
        yield opened


def row(run_id: UUID) -> Ticket:
    with use_shared():
        return Ticket.objects.get(pk=run_id)


def test_only_the_own_rows_are_there(acme_session: Session, tickets: dict[str, UUID]) -> None:
    seen = dict(acme_session.say(f"SELECT run_id, schema FROM {TABLE}"))
    assert seen[tickets["acme"]] == "acme"
    assert set(seen.values()) == {"acme"}
    for more in ("FOR SHARE", "FOR UPDATE SKIP LOCKED"):
        ask = f"SELECT schema FROM {TABLE} WHERE run_id = ANY(%s) {more}"
        assert acme_session.say(ask, [list(tickets.values())]) == [("acme",)]


def test_the_orm_sees_the_same(refs: dict[str, TenantRef], tickets: dict[str, UUID]) -> None:
    for slug in tickets:
        with use_tenant(refs[slug]):
            assert set(Ticket.objects.values_list("schema", flat=True)) == {slug}


def test_another_tenants_row_is_neither_changed_nor_deleted(
    acme_session: Session, tickets: dict[str, UUID]
) -> None:
    theirs = tickets["globex"]
    for change in (
        f"UPDATE {TABLE} SET cancel_requested = true WHERE run_id = %s RETURNING 1",
        f"UPDATE {TABLE} SET owner = 'me', fence = fence + 1 WHERE run_id = %s RETURNING 1",
        f"DELETE FROM {TABLE} WHERE run_id = %s RETURNING 1",
    ):
        assert acme_session.say(change, [theirs]) == []
    after = row(theirs)
    assert (after.cancel_requested, after.owner, after.fence) == (False, "", 0)


def test_no_row_is_written_or_moved_into_another_tenants_name(
    acme_session: Session, tickets: dict[str, UUID]
) -> None:
    for statement, params in (
        (NEW, [uuid4(), "globex"]),
        (f"UPDATE {TABLE} SET schema = 'globex' WHERE run_id = %s", [tickets["acme"]]),
        (
            f"{NEW} ON CONFLICT (run_id) DO UPDATE SET cancel_requested = true",
            [tickets["globex"], "acme"],
        ),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            acme_session.say(statement, params)
    assert row(tickets["acme"]).schema == "acme"
    assert not row(tickets["globex"]).cancel_requested


@pytest.mark.parametrize(
    "forged",
    [
        "SET search_path TO globex, public",
        "SELECT set_config('search_path', 'globex', false)",
        "SELECT set_config('app.tenant', 'globex', false)",
        "SET application_name TO 'globex'",
    ],
)
def test_no_setting_makes_another_tenants_rows_appear(
    acme_session: Session, tickets: dict[str, UUID], forged: str
) -> None:
    acme_session.say(forged)
    found = {schema for (schema,) in acme_session.say(f"SELECT schema FROM {TABLE}")}
    assert found == {"acme"}


def test_row_security_turned_off_is_an_error_and_shows_nothing(acme_session: Session) -> None:
    acme_session.say("SET row_security TO off")
    assert "row-level security" in acme_session.refused(f"SELECT * FROM {TABLE}")
    for statement in (
        f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY",
        f"CREATE POLICY mine ON {TABLE} USING (true)",
        f"TRUNCATE {TABLE}",
        f"COPY {TABLE} FROM STDIN",
    ):
        acme_session.refused(statement)


def test_an_error_in_a_condition_tells_nothing_of_others_rows(
    acme_session: Session, tickets: dict[str, UUID]
) -> None:
    ask = (
        f"SELECT count(*) FROM {TABLE} WHERE 1 / (CASE schema WHEN 'globex' THEN 0 ELSE 1 END) = 1"
    )
    assert acme_session.say(ask)[0][0] >= 1


def test_the_login_sees_every_tenants(tickets: dict[str, UUID]) -> None:
    with use_shared():
        assert Ticket.objects.filter(pk__in=tickets.values()).count() == 2


def test_a_tenant_whose_name_begins_like_anothers_is_another(refs: dict[str, TenantRef]) -> None:
    with session(refs["acme"]) as own, pytest.raises(psycopg.errors.InsufficientPrivilege):
        own.say(NEW, [uuid4(), "acme_2"])


@pytest.mark.parametrize("length", [1, 7, 20, 30, 41])
def test_the_condition_knows_a_role_by_its_name_however_long(
    committed: None, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """A long database name has the role names shortened: the SQL must shorten them alike."""
    schema = "s" * length
    for database in ("db", "it's", "d" * 20, "d" * 21, "d" * 40, "d" * 63):
        monkeypatch.setitem(settings.DATABASES, "default", {"NAME": database})
        role, condition = role_name(schema), own_row("%s::text", role="%s")
        monkeypatch.undo()
        params = [role, *[schema] * (condition.count("%s") - 1)]
        with use_shared(), connection.cursor() as cursor:
            cursor.execute(f"SELECT {condition}", params)
            assert cursor.fetchone() == (True,), (database, schema)
            cursor.execute(f"SELECT {condition}", ["another", *params[1:]])
            assert cursor.fetchone() == (False,), (database, schema)


def test_every_shared_table_with_a_tenants_column_is_guarded(committed: None) -> None:
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name = ANY(%s) AND column_name IN ('schema', 'schema_name', 'tenant_id')",
            [list(SHARED_GRANTS)],
        )
        assert {name for (name,) in cursor.fetchall()} == set(OWN_ROWS)


def test_what_was_lifted_by_hand_is_put_back_by_migrate(
    refs: dict[str, TenantRef], tickets: dict[str, UUID]
) -> None:
    with use_shared(), connection.cursor() as cursor:
        cursor.execute(f"CREATE POLICY everything ON {TABLE} USING (true)")
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY")
        with use_tenant(refs["acme"]):
            assert Ticket.objects.filter(pk=tickets["globex"]).exists()
    ensure_shared_grants()
    with use_tenant(refs["acme"]):
        assert not Ticket.objects.filter(pk=tickets["globex"]).exists()
        assert Ticket.objects.filter(pk=tickets["acme"]).exists()
