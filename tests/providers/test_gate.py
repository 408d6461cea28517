"""A process's own limits towards a provider: pace, tokens, calls at once, and rests."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from agents.models_llm.errors import RateLimited, ServerFailed
from agents.models_llm.protocol import Usage
from agents.providers.gate import Gate, GateLimits, Saturated, gate_for
from tests.support.loops import eventually


def gate(**limits: int) -> Gate:
    made = Gate()
    made.limits = GateLimits(**limits)
    return made


@pytest.fixture(autouse=True)
def patience(settings: Any) -> None:
    settings.PROVIDER_QUEUE_SECONDS = 5.0
    settings.PROVIDER_BREAK_SECONDS = 30.0


async def enter(at: Gate) -> None:
    async with at.admitted():
        pass


async def test_without_limits_nobody_waits() -> None:
    open_gate = gate()
    began = time.monotonic()
    await asyncio.gather(*(enter(open_gate) for _ in range(500)))
    assert time.monotonic() - began < 20


async def test_calls_at_once_are_as_many_as_allowed_and_served_in_turn() -> None:
    narrow, inside, most, order = gate(concurrent_calls=3), 0, 0, []

    async def call(number: int) -> None:
        nonlocal inside, most
        async with narrow.admitted():
            inside += 1
            most = max(most, inside)
            order.append(number)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(call(number) for number in range(12)))
    assert most == 3 and order == list(range(12))


async def test_a_caller_that_leaves_takes_no_place_with_it(settings: Any) -> None:
    narrow, leave = gate(concurrent_calls=1), asyncio.Event()

    async def hold() -> None:
        async with narrow.admitted():
            await leave.wait()

    holder = asyncio.create_task(hold())
    await eventually(lambda: narrow._active == 1)
    waiters = [asyncio.create_task(enter(narrow)) for _ in range(3)]
    await eventually(lambda: len(narrow._waiting) == 3)
    waiters[0].cancel()
    leave.set()
    waiters[1].cancel()  # it may have been woken in this very moment
    results = await asyncio.gather(*waiters, return_exceptions=True)
    await holder
    assert results[2] is None and narrow._active == 0 and not narrow._waiting
    settings.PROVIDER_QUEUE_SECONDS = 0.05
    leave.clear()
    holder = asyncio.create_task(hold())
    await eventually(lambda: narrow._active == 1)
    with pytest.raises(Saturated) as caught:
        await enter(narrow)
    assert caught.value.retryable
    leave.set()
    await holder
    await enter(narrow)


async def test_requests_keep_to_their_pace_after_a_burst() -> None:
    paced = gate(requests_per_minute=600)  # ten a second, a hundred at once
    began = time.monotonic()
    await asyncio.gather(*(enter(paced) for _ in range(105)))
    took = time.monotonic() - began
    assert 0.3 < took < 30, took


async def test_tokens_that_are_used_up_keep_the_next_call_waiting(settings: Any) -> None:
    settings.PROVIDER_QUEUE_SECONDS = 0.5
    counted = gate(tokens_per_minute=6000)  # a hundred a second
    await enter(counted)
    began = time.monotonic()
    counted.succeeded(Usage(6000, 20))
    await enter(counted)
    assert time.monotonic() - began > 0.1
    counted.succeeded(Usage(600, 0))
    with pytest.raises(Saturated):
        await enter(counted)


async def test_what_a_provider_asks_to_wait_holds_for_everybody(settings: Any) -> None:
    resting = gate()
    began = time.monotonic()
    resting.failed(RateLimited("slow down", retry_after=0.3))
    await asyncio.gather(*(enter(resting) for _ in range(5)))
    assert time.monotonic() - began >= 0.29
    resting.failed(RateLimited("slow down", retry_after=50))
    with pytest.raises(Saturated) as caught:
        await enter(resting)
    assert caught.value.retry_after is not None and caught.value.retry_after > 40


def test_three_failures_in_a_row_break_it_and_a_success_mends_it() -> None:
    breaking = gate()
    for _ in range(2):
        breaking.failed(ServerFailed("no"))
    breaking.succeeded()
    for _ in range(2):
        breaking.failed(ServerFailed("no"))
    assert not breaking.broken
    breaking.failed(ServerFailed("no"))
    assert breaking.broken
    breaking.succeeded()
    assert not breaking.broken


def test_tenants_and_providers_have_gates_of_their_own_that_last() -> None:
    limits = GateLimits()
    one = gate_for("acme", 1, limits)
    assert gate_for("acme", 1, GateLimits(concurrent_calls=2)) is one
    assert one.limits.concurrent_calls == 2
    assert gate_for("globex", 1, limits) is not one
    assert gate_for("acme", 2, limits) is not one
