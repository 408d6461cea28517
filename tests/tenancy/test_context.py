"""The context variable: set, restored, and never leaked."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator

import pytest

from tenants.context import (
    TenantNotSet,
    TenantRef,
    current,
    current_or_none,
    current_tenant,
    use_shared,
    use_tenant,
)

A, B = TenantRef(schema="a"), TenantRef(schema="b")


def test_blocks_nest_and_restore() -> None:
    with use_tenant(A):
        with use_tenant(B):
            assert current() is B
        assert current() is A


def test_it_is_restored_after_an_exception() -> None:
    with use_shared(), pytest.raises(ZeroDivisionError), use_tenant(A):
        raise ZeroDivisionError
    assert current().kind == "shared"


def test_unset_is_an_error() -> None:
    with pytest.raises(TenantNotSet):
        contextvars.Context().run(current)


def test_the_shared_schema_is_no_tenant() -> None:
    with use_shared(), pytest.raises(TenantNotSet):
        current_tenant()


@pytest.mark.parametrize("name", ["", "A", "1a", 'a"b', "a-b", "pg_; drop", "a" * 60])
def test_a_name_that_is_no_schema_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        TenantRef(schema=name)


async def test_tasks_do_not_see_each_others_tenant() -> None:
    order: list[str] = []
    turns = {"a": asyncio.Event(), "b": asyncio.Event()}

    async def work(ref: TenantRef, other: str) -> None:
        with use_tenant(ref):
            turns[other].set()
            await turns[ref.schema].wait()
            order.append(current().schema)
            assert current() is ref

    await asyncio.gather(work(A, "b"), work(B, "a"))
    assert sorted(order) == ["a", "b"]


async def test_leaving_in_another_context_restores_instead_of_raising() -> None:
    async def source() -> AsyncIterator[int]:
        with use_tenant(A):  # what the guard test forbids in the product's own code
            yield 1
            yield 2

    stream = source()
    await anext(stream)
    await asyncio.create_task(stream.aclose(), context=contextvars.Context())
    assert current_or_none() is not B
