"""What a process remembers: loaded once, however many ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from tenants.kept import Kept


class Source:
    """Values that come when they are let come; each loading gives another."""

    def __init__(self) -> None:
        self.loadings = 0
        self.ready = asyncio.Event()
        self.begun = asyncio.Event()
        self.error: Exception | None = None

    async def load(self) -> int:
        self.loadings += 1
        number = self.loadings
        self.begun.set()
        await self.ready.wait()
        if self.error is not None:
            raise self.error
        return number


@pytest.fixture
def kept() -> Kept[str, int]:
    return Kept(10, lambda: 60.0)


async def test_many_that_ask_at_once_wait_for_one_loading(kept: Kept[str, int]) -> None:
    acme, globex = Source(), Source()
    asked = [
        asyncio.ensure_future(kept.get(key, source.load))
        for _ in range(50)
        for key, source in (("acme", acme), ("globex", globex))
    ]
    await acme.begun.wait()
    acme.ready.set()
    globex.ready.set()
    assert await asyncio.gather(*asked) == [1] * 100
    assert acme.loadings == globex.loadings == 1
    assert await kept.get("acme", acme.load) == 1


async def test_nobody_joins_a_loading_from_before_a_change(kept: Kept[str, int]) -> None:
    source = Source()
    early = asyncio.ensure_future(kept.get("acme", source.load))
    await source.begun.wait()
    kept.drop("acme")
    late = asyncio.ensure_future(kept.get("acme", source.load))
    source.ready.set()
    assert await asyncio.gather(early, late) == [1, 2]
    assert await kept.get("acme", source.load) == 2


async def test_the_first_to_ask_may_go_while_others_wait(kept: Kept[str, int]) -> None:
    source = Source()
    first, second = (asyncio.ensure_future(kept.get("acme", source.load)) for _ in range(2))
    await source.begun.wait()
    first.cancel()
    source.ready.set()
    assert await second == 1
    assert first.cancelled() and source.loadings == 1


async def test_a_failed_loading_is_told_to_all_and_not_kept(kept: Kept[str, int]) -> None:
    source = Source()
    source.error = LookupError("none")
    source.ready.set()
    found = await asyncio.gather(
        *(kept.get("acme", source.load) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in found] == [LookupError] * 3
    source.error = None
    assert await kept.get("acme", source.load) == source.loadings == 2
