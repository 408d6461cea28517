"""The native async pool: psycopg connections that are always on the context's tenant.

For the hot path only (start, journal, finish), where a query through the ORM costs twice and more.
`async with tenant_connection() as conn` is the one door; connections are in autocommit mode, so a
unit of several statements says `async with conn.transaction()`.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import weakref
from typing import Any

from django.conf import settings
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from tenants.context import current
from tenants.db import path
from tenants.prepared import TenantConnection, TenantCursor


class TenantPool(AsyncConnectionPool[AsyncConnection[Any]]):
    """Hands out no connection without a tenant, and none on another's path."""

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[Any]:
        ref = current()
        conn = await super().getconn(timeout)
        try:
            if path.needs_set(conn.pgconn, ref):
                await conn.execute(ref.statement)
                path.learn(conn.pgconn, ref)
        except BaseException:
            # Half-set or cancelled in between: such a connection must not be used again.
            await conn.close()
            await self.putconn(conn)
            raise
        return conn


_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[TenantPool]] = (
    weakref.WeakKeyDictionary()
)


def connection_parameters() -> dict[str, Any]:
    """libpq parameters of the default database, as the ORM uses them."""
    database = settings.DATABASES["default"]
    parameters = {
        "dbname": database["NAME"],
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
        "host": database.get("HOST"),
        "port": database.get("PORT"),
    }
    options = {k: v for k, v in database.get("OPTIONS", {}).items() if k.startswith("ssl")}
    return {k: v for k, v in {**parameters, **options}.items() if v}


async def _configure(conn: AsyncConnection[Any]) -> None:
    """What is prepared (tenants.prepared) is planned once: no plan of ours hangs on its values."""
    await conn.execute("SET plan_cache_mode = force_generic_plan")


async def _open() -> TenantPool:
    pool = TenantPool(
        connection_class=TenantConnection,
        kwargs={
            **connection_parameters(),
            "autocommit": True,
            # One simple-protocol message per statement, and no guessing of parameter types.
            "cursor_factory": TenantCursor,
            # psycopg's own would share a plan between tenants: tenants.prepared keeps them apart.
            "prepare_threshold": None,
            "application_name": "concord-native",
        },
        min_size=settings.NATIVE_POOL_MIN,
        max_size=settings.NATIVE_POOL_MAX,
        max_lifetime=settings.NATIVE_POOL_LIFETIME,
        timeout=settings.NATIVE_POOL_TIMEOUT,
        configure=_configure,
        check=None,
        name="concord-native",
        open=False,
    )
    await pool.open()
    return pool


async def pool() -> TenantPool:
    """The running loop's pool, opened on first use.

    Opened in a task of its own with an empty context, and shielded: a first request that is
    cancelled must not leave a half-open pool behind, nor its tenant in the pool's own workers.
    """
    loop = asyncio.get_running_loop()
    task = _pools.get(loop)
    if task is not None and task.done() and not task.cancelled() and task.exception() is None:
        return task.result()
    if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
        task = loop.create_task(_open(), context=contextvars.Context())
        _pools[loop] = task
    return await asyncio.shield(task)


class tenant_connection:
    """An autocommit connection on the current tenant; raises `TenantNotSet` without one.

    `timeout` is how many seconds to wait for a free one, NATIVE_POOL_TIMEOUT if None; then
    psycopg_pool.PoolTimeout.
    A class, because two generators in one another cost as much as a short statement.
    """

    __slots__ = ("_conn", "_pool", "_timeout")

    def __init__(self, timeout: float | None = None) -> None:
        self._timeout = timeout

    async def __aenter__(self) -> AsyncConnection[Any]:
        self._pool = await pool()
        self._conn = await self._pool.getconn(self._timeout)
        return self._conn

    async def __aexit__(self, *raised: object) -> None:
        # Whatever is still open on it is rolled back there.
        await self._pool.putconn(self._conn)


def open_pools() -> list[TenantPool]:
    """The pools of this process's loops that are open: for figures about them."""
    tasks = list(_pools.values())
    return [
        task.result()
        for task in tasks
        if task.done() and not task.cancelled() and task.exception() is None
    ]


def waiting_for_connection() -> int:
    """How much work of the running loop waits for a connection, right now."""
    task = _pools.get(asyncio.get_running_loop())
    if task is None or not task.done() or task.cancelled() or task.exception() is not None:
        return 0
    return len(task.result()._waiting)


async def close_pool() -> None:
    """Close the running loop's pool, if it was ever opened."""
    task = _pools.pop(asyncio.get_running_loop(), None)
    if task is not None and task.done() and not task.cancelled() and task.exception() is None:
        await task.result().close()


# A forked child shares the parent's sockets: it must open a pool of its own.
os.register_at_fork(after_in_child=_pools.clear)
