"""Prepared statements of the native pool: each tenant's own, few, and never in the way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from psycopg.errors import InsufficientPrivilege

from agents.runtime import sql
from config.embedded_cluster import Cluster
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tenants.pool import close_pool, tenant_connection
from tenants.prepared import Statement

NAMED = Statement(
    "SELECT count(*), current_schema() FROM accounts_member WHERE username = %(name)s AND '%%' > ''"
)
PREPARED = "SELECT name, statement, generic_plans FROM pg_prepared_statements"
ROUNDS = 6


@pytest.fixture
def refs(committed: None) -> tuple[TenantRef, TenantRef]:
    with use_shared():
        tenants = {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}
    return tenants["acme"], tenants["globex"]


@pytest.fixture
def passer_by(refs: tuple[TenantRef, TenantRef]) -> Iterator[str]:
    """A member that acme alone has, committed."""
    with use_tenant(refs[0]):
        member = Member.objects.create_user("passer-by")
    yield member.username
    with use_tenant(refs[0]):
        member.delete()


@pytest.fixture
async def one_connection(settings: Any) -> AsyncIterator[Any]:
    settings.NATIVE_POOL_MAX = 1
    yield settings
    await close_pool()


async def rows(ref: TenantRef, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    with use_tenant(ref):
        async with tenant_connection() as conn:
            return await (await conn.execute(query, values)).fetchall()


async def test_each_tenant_has_a_plan_of_its_own_on_a_shared_connection(
    refs: tuple[TenantRef, TenantRef], passer_by: str, one_connection: Any
) -> None:
    for _ in range(ROUNDS):
        for ref in refs:
            found = await rows(ref, NAMED, {"name": passer_by})
            assert found == [(int(ref.schema == "acme"), ref.schema)]
    kept = await rows(refs[0], PREPARED)
    assert len(kept) == 2
    assert all(generic == ROUNDS - 2 for *_, generic in kept)


async def test_what_is_asked_for_once_is_not_prepared(
    refs: tuple[TenantRef, TenantRef], one_connection: Any
) -> None:
    for ref in refs:
        await rows(ref, NAMED, {"name": "nobody"})
    assert await rows(refs[0], PREPARED) == []


async def test_a_connection_keeps_few_and_the_ones_last_used(
    refs: tuple[TenantRef, TenantRef], one_connection: Any
) -> None:
    one_connection.NATIVE_POOL_STATEMENTS = 3
    for number in range(4):
        for ref in refs:
            for _ in range(3):
                found = await rows(
                    ref, Statement(f"SELECT {number} + length(%(name)s)"), {"name": "a"}
                )
                assert found == [(number + 1,)]
    kept = [row[1] for row in await rows(refs[0], PREPARED)]
    assert [text[-21:] for text in kept].count("SELECT 3 + length($1)") == 2
    assert len(kept) == 3


async def test_none_is_kept_where_none_is_wanted(
    refs: tuple[TenantRef, TenantRef], one_connection: Any
) -> None:
    one_connection.NATIVE_POOL_STATEMENTS = 0
    for _ in range(ROUNDS):
        for ref in refs:
            await rows(ref, NAMED, {"name": "nobody"})
    assert await rows(refs[0], PREPARED) == []


@pytest.fixture
def superuser(committed: None) -> Iterator[Any]:
    """With a table of acme's that nothing else knows of."""
    name = settings.DATABASES["default"]["NAME"]
    cluster = Cluster(Path(os.environ["DATA_DIR"]), durable=False)
    with cluster.superuser(name) as connection:
        connection.execute("CREATE TABLE acme.seen AS SELECT 'a' AS name, 7 AS worth")
        connection.execute("GRANT SELECT ON acme.seen TO PUBLIC")
        yield connection
        connection.execute("DROP TABLE acme.seen")


async def test_a_plan_that_gives_other_types_now_or_is_gone_is_done_without(
    refs: tuple[TenantRef, TenantRef], one_connection: Any, superuser: Any
) -> None:
    acme, globex = refs
    seen = Statement("SELECT worth FROM seen WHERE name = %(name)s")
    for change in ("", "ALTER TABLE acme.seen ALTER worth TYPE text", "DEALLOCATE ALL"):
        if change.startswith("ALTER"):
            superuser.execute(change)
        elif change:
            with use_tenant(acme):
                async with tenant_connection() as conn:
                    await conn.execute(change)
        for _ in range(ROUNDS):
            ((worth,),) = await rows(acme, seen, {"name": "a"})
            assert str(worth) == "7"
            assert await rows(globex, NAMED, {"name": "a"}) == [(0, "globex")]
        assert len(await rows(acme, PREPARED)) == 2


async def test_a_prepared_statement_has_the_rights_of_its_tenant(
    refs: tuple[TenantRef, TenantRef], one_connection: Any
) -> None:
    theirs = Statement("SELECT count(*) FROM globex.accounts_member WHERE username <> %(name)s")
    for _ in range(ROUNDS):
        assert (await rows(refs[1], theirs, {"name": "nobody"}))[0][0] > 0
        with pytest.raises(InsufficientPrivilege):
            await rows(refs[0], theirs, {"name": "nobody"})


@pytest.mark.parametrize(
    "name", sorted(name for name, value in vars(sql).items() if isinstance(value, Statement))
)
async def test_every_statement_of_a_run_can_be_prepared(
    refs: tuple[TenantRef, TenantRef], one_connection: Any, name: str
) -> None:
    statement: Statement = getattr(sql, name)
    for number, ref in enumerate(refs):
        with use_tenant(ref):
            async with tenant_connection() as conn:
                await conn.execute(statement.prepare(f"one_{number}"))
