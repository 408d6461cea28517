"""Many starts at once: each is durable before the first runs spend what the server has."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from config.load import Load


@pytest.fixture
def load(settings: Any) -> Load:
    settings.START_FIRST_ABOVE = 8
    settings.START_FIRST_SECONDS = 60.0
    return Load()


async def begun(waiting: asyncio.Task[None]) -> bool:
    """Whether it goes on, having been given every chance to."""
    for _ in range(5):
        await asyncio.sleep(0)
    return waiting.done()


async def test_a_run_waits_until_the_rush_is_over(load: Load) -> None:
    with ExitStack() as late:
        with ExitStack() as rush:
            for number in range(20):
                place = load.place(("acme", "globex")[number % 2], queues=False)
                (late if number < 4 else rush).enter_context(place)
            waiting = [asyncio.create_task(load.starts_first()) for _ in range(3)]
            assert not any([await begun(one) for one in waiting])
        # The last few don't hold everybody up.
        assert all([await begun(one) for one in waiting])


async def test_a_rush_that_does_not_end_is_waited_for_only_so_long(
    load: Load, settings: Any
) -> None:
    settings.START_FIRST_SECONDS = 0.01
    with ExitStack() as rush:
        for _ in range(20):
            rush.enter_context(load.place("acme", queues=False))
        await load.starts_first()


@pytest.mark.parametrize(("above", "starts"), [(8, 7), (0, 500)])
async def test_without_a_rush_nobody_waits(
    load: Load, settings: Any, above: int, starts: int
) -> None:
    settings.START_FIRST_ABOVE = above
    with ExitStack() as some:
        for _ in range(starts):
            some.enter_context(load.place("acme", queues=False))
        assert await begun(asyncio.create_task(load.starts_first()))


async def test_a_start_that_queues_for_an_executor_is_no_part_of_a_rush(load: Load) -> None:
    with ExitStack() as some:
        for _ in range(20):
            some.enter_context(load.place("acme", queues=True))
        assert await begun(asyncio.create_task(load.starts_first()))
