"""Tasks that are told to end do, also where a cancellation is lost."""

from __future__ import annotations

import asyncio

from config.cancelling import end_tasks


async def test_a_task_that_loses_a_cancellation_is_told_again() -> None:
    lost: list[int] = []

    async def serve() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:  # as wait_for of Python 3.11 does
                if lost:
                    raise
                lost.append(1)

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("gone")

    tasks = [asyncio.create_task(serve()), asyncio.create_task(fail())]
    await asyncio.sleep(0)
    await end_tasks(tasks, again=0.01)
    assert lost and tasks[0].cancelled() and tasks[1].done()


async def test_nothing_to_end_is_no_wait() -> None:
    await end_tasks([])
