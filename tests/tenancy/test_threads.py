"""Rows that are committed: other threads, the native pool and raw connections under one tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from tenants import pool as pools
from tenants.accounts.models import Member
from tenants.context import TenantNotSet, TenantRef, current, use_shared, use_tenant
from tenants.hop import hop
from tenants.models import Tenant
from tenants.pool import close_pool, pool, tenant_connection


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


def here() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        schema, user = cursor.fetchone()
        return schema, user


def names() -> set[str]:
    return set(Member.objects.values_list("username", flat=True))


def test_discard_all_is_noticed(refs: tuple[TenantRef, TenantRef]) -> None:
    with use_tenant(refs[0]):
        assert here()[0] == "acme"
        connection.connection.execute("DISCARD ALL")
        assert here() == ("acme", refs[0].role)


async def test_hops_interleaved_on_shared_threads_see_their_own_tenant(
    refs: tuple[TenantRef, TenantRef], passer_by: str
) -> None:
    async def look(ref: TenantRef) -> None:
        with use_tenant(ref):
            found = await hop(names)
            assert current() is ref
        assert (passer_by in found) == (ref.schema == "acme")

    await asyncio.gather(*(look(refs[turn % 2]) for turn in range(60)))


async def test_the_native_pool_sees_committed_rows_of_its_tenant_only(
    refs: tuple[TenantRef, TenantRef], passer_by: str
) -> None:
    async def look(ref: TenantRef) -> None:
        with use_tenant(ref):
            async with tenant_connection() as conn:
                row = await (
                    await conn.execute(
                        "SELECT count(*), current_schema(), current_user FROM accounts_member "
                        "WHERE username = %s",
                        (passer_by,),
                    )
                ).fetchone()
        assert row == (int(ref.schema == "acme"), ref.schema, ref.role)

    try:
        await asyncio.gather(*(look(refs[turn % 2]) for turn in range(60)))
    finally:
        await close_pool()


async def test_the_native_pool_hands_out_nothing_without_a_tenant(database: None) -> None:
    import contextvars

    async def take() -> None:
        async with tenant_connection():
            pass

    try:
        with pytest.raises(TenantNotSet):
            await asyncio.create_task(take(), context=contextvars.Context())
    finally:
        await close_pool()


async def test_a_connection_returned_in_the_middle_of_a_transaction_is_clean_again(
    refs: tuple[TenantRef, TenantRef],
) -> None:
    acme, globex = refs
    try:
        with use_tenant(acme):
            opened = await pool()
            conn = await opened.getconn()
            await conn.execute("BEGIN")
            await conn.execute("SET LOCAL search_path TO globex")
            await opened.putconn(conn)
        for ref in (globex, acme):
            with use_tenant(ref):
                async with tenant_connection() as conn:
                    row = await (await conn.execute("SELECT current_schema()")).fetchone()
                    assert row == (ref.schema,)
    finally:
        await close_pool()


async def test_a_first_user_that_is_cancelled_leaves_a_pool_for_the_next(
    refs: tuple[TenantRef, TenantRef],
) -> None:
    async def use() -> str:
        with use_tenant(refs[0]):
            async with tenant_connection() as conn:
                row = await (await conn.execute("SELECT current_schema()")).fetchone()
                assert row is not None
                return str(row[0])

    try:
        first = asyncio.create_task(use())
        await asyncio.sleep(0)  # far enough to have begun opening the pool
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await use() == "acme"
    finally:
        await close_pool()


async def test_a_unit_that_leaves_its_transaction_open_does_not_reach_the_next(
    refs: tuple[TenantRef, TenantRef],
) -> None:
    def careless() -> None:
        atomic = transaction.atomic()
        atomic.__enter__()
        Member.objects.create(username="never-committed")

    with use_tenant(refs[0]):
        await asyncio.gather(*(hop(careless) for _ in range(3)))
        # More looks than threads: each thread that was left in a transaction is used again.
        for found in await asyncio.gather(*(hop(names) for _ in range(64))):
            assert "never-committed" not in found


def test_a_forked_child_starts_without_the_parents_pool(database: None) -> None:
    import os

    loop = asyncio.new_event_loop()
    pools._pools[loop] = object()  # type: ignore[assignment]
    child = os.fork()
    if child == 0:
        os._exit(len(pools._pools))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pools._pools.clear()
    loop.close()
