"""Notices: told on commit, to every process, once; and what is remembered follows them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import transaction

from tenants import notices
from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.hop import Hop
from tenants.kept import Kept
from tenants.models import Tenant
from tenants.notices import Notice
from tenants.pool import connection_parameters
from tests.support.loops import eventually

pytestmark = pytest.mark.usefixtures("committed")

KIND = "test-of-notices"


def refs() -> tuple[TenantRef, TenantRef]:
    with use_shared():
        rows = {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}
    return rows["acme"], rows["globex"]


@pytest.fixture
def heard() -> Iterator[list[Notice | None]]:
    found: list[Notice | None] = []
    notices.on(KIND, found.append)
    yield found
    del notices._handlers[KIND]


@contextmanager
def another_process(role: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A connection that is nobody's here: what it sends is from elsewhere."""
    with psycopg.connect(**connection_parameters(), autocommit=True) as conn:
        if role:
            conn.execute(f'SET ROLE "{role}"')
        yield conn


def send(conn: psycopg.Connection[Any], body: object) -> None:
    payload = body if isinstance(body, str) else json.dumps(body)
    conn.execute("SELECT pg_notify(%s, %s)", (notices.CHANNEL, payload))


@asynccontextmanager
async def listening() -> AsyncIterator[Hop]:
    threads = Hop("notices-test", 1)
    notices.start()
    try:
        await eventually(notices.listening)
        yield threads
    finally:
        await notices.stop()
        await threads(close_connections)
        threads.close()


def close_connections() -> None:
    from django.db import connections

    connections.close_all()


def test_a_notice_is_told_on_commit_once_and_not_after_a_rollback(
    heard: list[Notice | None],
) -> None:
    acme, _ = refs()

    def change(fail: bool) -> None:
        with use_tenant(acme), transaction.atomic():
            notices.notify(KIND, id=1 if fail else 2)
            if fail:
                raise ZeroDivisionError

    async def main() -> None:
        async with listening() as threads:
            heard.clear()
            with pytest.raises(ZeroDivisionError):
                await threads(change, True)
            await threads(change, False)
            # In effect in this process before the answer, without waiting for the wire.
            assert heard == [Notice(KIND, "acme", {"id": 2})]
            with another_process() as conn:
                send(conn, {"kind": KIND, "schema": "globex", "from": "x", "fields": {"id": 3}})
            await eventually(lambda: len(heard) > 1)
            assert heard[1:] == [Notice(KIND, "globex", {"id": 3})]

    asyncio.run(main())


def test_what_makes_no_sense_is_passed_over(heard: list[Notice | None]) -> None:
    async def main() -> None:
        async with listening():
            heard.clear()
            with another_process() as conn:
                for body in ("", "[1]", "{}", '"x"', {"kind": KIND, "schema": 1, "from": "x"}):
                    send(conn, body)
                send(conn, {"kind": KIND, "schema": "a", "from": "x", "fields": {}})
            await eventually(lambda: heard)
            assert heard == [Notice(KIND, "a")]

    asyncio.run(main())


def test_a_lost_connection_forgets_everything_and_comes_back(heard: list[Notice | None]) -> None:
    async def main() -> None:
        async with listening():
            heard.clear()
            with another_process() as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'concord-notices'"
                )
                await eventually(lambda: None in heard)
                await eventually(notices.listening)
                send(conn, {"kind": KIND, "schema": "a", "from": "x", "fields": {}})
                await eventually(lambda: Notice(KIND, "a") in heard)

    asyncio.run(main())


def test_a_forged_notice_of_a_tenants_role_only_makes_others_look_again() -> None:
    """It drops what is remembered about another tenant's member; rights stay as they are."""
    from tenants.accounts.principal import _kept, principal_of

    acme, globex = refs()
    with use_tenant(globex):
        member = Member.objects.get(username="member")

    async def main() -> None:
        async with listening():
            with use_tenant(globex):
                before = await principal_of(member.pk)
                assert len(_kept) == 1
                with another_process(acme.role) as conn:
                    send(
                        conn,
                        {
                            "kind": "member",
                            "schema": "globex",
                            "from": "x",
                            "fields": {"id": member.pk, "roles": ["owner"], "scopes": ["*"]},
                        },
                    )
                await eventually(lambda: len(_kept) == 0)
                assert await principal_of(member.pk) == before

    asyncio.run(main())


def test_what_was_loaded_before_a_notice_is_not_kept_after_it() -> None:
    kept: Kept[tuple[str, int], str] = Kept(2, lambda: 60.0)

    async def main() -> None:
        async def slow() -> str:
            kept.drop(("acme", 1))
            return "old"

        async def new() -> str:
            return "new"

        assert await kept.get(("acme", 1), slow) == "old"
        assert await kept.get(("acme", 1), new) == "new"
        assert await kept.get(("acme", 1), slow) == "new"
        kept.put(("globex", 1), "theirs")
        kept.forget(lambda key: key[0] == "acme")
        assert await kept.get(("globex", 1), new) == "theirs"
        kept.put(("globex", 2), "b")
        kept.put(("globex", 3), "c")
        assert len(kept) == 2  # the oldest went

    asyncio.run(main())


def test_while_nobody_listens_little_is_kept(settings: Any) -> None:
    settings.NOTICES_DOWN_CACHE_SECONDS = 0.0
    kept: Kept[int, str] = Kept(10, lambda: 60.0)

    async def main() -> None:
        async def new() -> str:
            return "new"

        kept.put(1, "old")
        assert not notices.listening()
        assert await kept.get(1, new) == "new"

    asyncio.run(main())
