"""What the stressed server is asked besides its API: the ORM, the native pool, transactions, jobs.

Each probe answers with whose table it found, as often as it looked; who asked knows whose it should
have been. A probe also leaves rows with the asker's name, for the sweep at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
from django.db import connection, transaction

from tenants.accounts.models import Member
from tenants.context import TenantRef, use_tenant
from tenants.directory import ref_of
from tenants.hop import hop
from tenants.pool import tenant_connection
from tenants.tasks import enqueue

HOME = "SELECT tag FROM stress_mark WHERE what = 'home'"
WRITE = "INSERT INTO stress_mark (tag, what) VALUES (%s, %s)"


class Undo(Exception):
    """Thrown inside a transaction, so that it is rolled back."""


def home() -> str:
    with connection.cursor() as cursor:
        cursor.execute(HOME)
        return str(cursor.fetchone()[0])


def member() -> str:
    """By a model instead: each tenant has one member whose name ends in the tenant's."""
    return Member.objects.get(username__startswith="stress-").username.removeprefix("stress-")


def write(tag: str, what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [tag, what])


def undone(tag: str) -> str:
    with contextlib.suppress(Undo), transaction.atomic():
        with contextlib.suppress(Undo), transaction.atomic():
            write(tag, "never")
            raise Undo
        write(tag, "never")
        raise Undo
    return home()


def adjacent(mine: str, other: str) -> list[str]:
    """Two tenants' statements next to each other on one connection, some in a transaction."""
    seen, others = [member()], ref_of(other)
    for _ in range(4):
        with use_tenant(others):
            if (found := home()) != other:
                seen.append(f"{found} instead of {other}")
            with transaction.atomic(), use_tenant(ref_of(mine)):
                seen.append(home())
        seen.append(home())
    return seen


async def orm(ref: TenantRef, other: str) -> list[str]:
    seen = [await hop(home)]
    await hop(write, ref.schema, "orm")
    await asyncio.sleep(0)
    return [*seen, await hop(member), await hop(home)]


async def atomic(ref: TenantRef, other: str) -> list[str]:
    return [await hop(undone, ref.schema), await hop(home)]


async def switch(ref: TenantRef, other: str) -> list[str]:
    return await hop(adjacent, ref.schema, other)


async def native(ref: TenantRef, other: str) -> list[str]:
    async with tenant_connection() as conn:
        first = await (await conn.execute(HOME)).fetchone()
        await asyncio.sleep(0)
        with contextlib.suppress(Undo):
            async with conn.transaction():
                await conn.execute(WRITE, [ref.schema, "never"])
                raise Undo
        await conn.execute(WRITE, [ref.schema, "native"])
        second = await (await conn.execute(HOME)).fetchone()
    assert first and second
    return [first[0], second[0]]


async def task(ref: TenantRef, other: str) -> list[str]:
    await hop(enqueue, "tests.stress.jobs.mark", ref.schema, uuid4().hex)
    return [await hop(home)]


PROBES: dict[str, Callable[[TenantRef, str], Awaitable[list[str]]]] = {
    "orm": orm,
    "atomic": atomic,
    "switch": switch,
    "native": native,
    "task": task,
}


async def stream(ref: TenantRef) -> AsyncIterator[str]:
    for turn in range(12):
        yield (await native(ref, ""))[0] if turn % 3 == 0 else await hop(home)
        await asyncio.sleep(0.01)


async def answer(ref: TenantRef, name: str, other: str, send: Any) -> None:
    """Answer `/api/probe/<name>?<other tenant>`; the stream's lines as they come."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if name == "stream":
        async for seen in stream(ref):
            line = orjson.dumps([seen]) + b"\n"
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    body = orjson.dumps(await PROBES[name](ref, other))
    await send({"type": "http.response.body", "body": body})
