"""Many steps of one run at the same time: few writes, one order, and nobody pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from agents.models import Step
from agents.runtime.faults import Fenced, RunFault
from agents.runtime.outcomes import Outcome
from agents.runtime.state import OpenStep
from agents.tickets.models import Ticket
from tenants.context import TenantRef, use_tenant
from tenants.hop import hop
from tenants.prepared import TenantCursor
from tests.runtime.journals import journal, ref

pytestmark = pytest.mark.usefixtures("committed")
__all__ = ["journal", "ref"]


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is sent to the database over the native pool meanwhile."""
    sent: list[str] = []
    real = TenantCursor.execute

    async def execute(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(str(query))
        return await real(self, query, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(TenantCursor, "execute", execute)
        yield sent


async def _both_there(step: OpenStep) -> Outcome:
    await asyncio.sleep(0)
    return Outcome({"text": step.key})


async def test_fifty_steps_at_once_are_a_few_writes_in_one_order(
    ref: TenantRef, journal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, str]] = []
    with use_tenant(ref):
        mine = await journal()

        async def one(number: int) -> None:
            await mine.step(
                f"n{number}",
                "tool",
                "t",
                _both_there,
                input={"number": number},
                on_start=lambda opened: told.append((opened.position, "started")),
                on_end=lambda opened, step: told.append((step.finished_position, "ended")),
            )

        with statements(monkeypatch) as sent:
            await asyncio.gather(*(one(number) for number in range(50)))
        rows = await hop(lambda: list(Step.objects.filter(run=mine.run.id).order_by("seq")))
    assert len([one for one in sent if "agents_step" in one]) <= 6
    assert [row.key for row in rows] == [f"n{number}" for number in range(50)]
    assert all(row.status == "finished" and row.output == {"text": row.key} for row in rows)
    assert [row.input for row in rows] == [{"number": number} for number in range(50)]
    assert told == sorted(told) and len(told) == 100
    recorded = {(row.started_position, "started") for row in rows}
    recorded |= {(row.finished_position, "ended") for row in rows}
    assert recorded == set(told)


async def test_a_group_under_a_stale_fence_writes_nothing_and_everyone_is_told(
    ref: TenantRef, journal: Any
) -> None:
    with use_tenant(ref):
        stale = await journal()
        taken = Ticket.objects.filter(run_id=stale.run.id)
        await hop(lambda: taken.update(fence=2))
        results = await asyncio.gather(
            *(stale.step(f"n{number}", "tool", "t", _both_there) for number in range(5)),
            return_exceptions=True,
        )
        written = await hop(lambda: Step.objects.filter(run=stale.run.id).count())
    assert [type(result) for result in results] == [Fenced] * 5
    assert written == 0


async def test_a_step_that_cannot_be_written_is_no_harm_to_those_beside_it(
    ref: TenantRef, journal: Any
) -> None:
    with use_tenant(ref):
        mine = await journal()
        names = ["t", "t", "too long " * 30, "t", "t"]
        results = await asyncio.gather(
            *(
                mine.step(f"n{number}", "tool", name, _both_there)
                for number, name in enumerate(names)
            ),
            return_exceptions=True,
        )
        rows = await hop(lambda: list(Step.objects.filter(run=mine.run.id).order_by("key")))
    assert isinstance(results[2], psycopg.DataError | RunFault)
    assert [row.key for row in rows] == ["n0", "n1", "n3", "n4"]
    assert {row.status for row in rows} == {"finished"}


async def test_one_who_leaves_takes_nothing_of_the_others_along(
    ref: TenantRef, journal: Any
) -> None:
    with use_tenant(ref):
        mine = await journal()
        tasks = [
            asyncio.create_task(mine.step(f"n{number}", "tool", "t", _both_there))
            for number in range(6)
        ]
        await asyncio.sleep(0)  # all have asked, and the first is writing
        assert mine._lock.locked()
        tasks[0].cancel()
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        stayed = [results[number] for number in (1, 2, 4, 5)]
        rows = await hop(lambda: list(Step.objects.filter(run=mine.run.id, status="finished")))
    assert all(not isinstance(result, BaseException) for result in stayed), results
    assert {row.key for row in rows} >= {"n1", "n2", "n4", "n5"}
    assert isinstance(results[0], asyncio.CancelledError)


async def test_what_only_reads_begins_while_its_start_is_written(
    ref: TenantRef, journal: Any
) -> None:
    told: list[str] = []
    begun = asyncio.Event()

    async def reads(step: OpenStep) -> Outcome:
        begun.set()
        return Outcome({"text": "read"})

    with use_tenant(ref):
        mine = await journal()
        async with mine._lock:  # nothing gets into the database meanwhile
            reading = asyncio.create_task(
                mine.step(
                    "n1",
                    "tool",
                    "t",
                    reads,
                    at_once=True,
                    on_start=lambda opened: told.append("started"),
                    on_end=lambda opened, step: told.append("ended"),
                )
            )
            await begun.wait()
            assert told == [] and not reading.done()
        await reading
        row = await hop(lambda: Step.objects.get(run=mine.run.id, key="n1"))
    assert told == ["started", "ended"]
    assert (row.status, row.output) == ("finished", {"text": "read"})


async def test_what_only_reads_is_told_of_a_start_that_could_not_be_written(
    ref: TenantRef, journal: Any
) -> None:
    tries: list[int] = []

    async def fails(step: OpenStep) -> Outcome:
        tries.append(step.attempt)
        raise OSError("nothing to read")

    with use_tenant(ref):
        stale = await journal()
        await hop(lambda: Ticket.objects.filter(run_id=stale.run.id).update(fence=2))
        with pytest.raises(Fenced):
            await stale.step("n1", "tool", "t", fails, at_once=True, attempts=3)
        written = await hop(lambda: Step.objects.filter(run=stale.run.id).count())
    assert (tries, written) == ([1], 0)


async def test_one_who_was_to_write_and_leaves_hands_that_on(ref: TenantRef, journal: Any) -> None:
    with use_tenant(ref):
        mine = await journal()
        async with mine._lock:
            steps = [
                asyncio.create_task(mine.step(f"n{number}", "tool", "t", _both_there))
                for number in range(3)
            ]
            await asyncio.sleep(0)
            steps[0].cancel()
        results = await asyncio.gather(*steps, return_exceptions=True)
        keys = await hop(
            lambda: set(Step.objects.filter(run=mine.run.id).values_list("key", flat=True))
        )
    assert isinstance(results[0], asyncio.CancelledError)
    assert keys == {"n1", "n2"}


async def test_ends_that_may_wait_go_along_with_the_next_write_that_succeeds(
    ref: TenantRef, journal: Any
) -> None:
    told: list[int] = []

    def rows() -> dict[str, str]:
        return dict(Step.objects.filter(run=mine.run.id).values_list("key", "status"))

    with use_tenant(ref):
        mine = await journal()
        ended = await asyncio.gather(
            *(
                mine.step(
                    f"n{number}",
                    "tool",
                    "t",
                    _both_there,
                    may_wait=True,
                    on_end=lambda opened, step: told.append(step.finished_position),
                )
                for number in range(3)
            )
        )
        assert all(mine.finished(step.key) is step for step in ended)
        assert await hop(rows) == {"n0": "started", "n1": "started", "n2": "started"}
        with pytest.raises(psycopg.DataError):
            await mine.step("n3", "tool", "too long " * 30, _both_there)
        assert await hop(rows) == {"n0": "started", "n1": "started", "n2": "started"}
        await mine.step("n4", "tool", "t", _both_there)
        written = await hop(rows)
    assert written == {f"n{number}": "finished" for number in (0, 1, 2, 4)}
    assert told == sorted(step.finished_position for step in ended)
    assert all(step.finished_at is not None for step in ended)
