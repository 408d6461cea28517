"""Nodes within a node: at once, again and again, or for each of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agents.runtime.asking import waited
from agents.runtime.workflow.abandoned import FAILED, FIRST, TIMEOUT, abandon
from agents.runtime.workflow.ending import end_nodes
from agents.runtime.workflow.place import At, Place
from agents.runtime.workflow.values import NodeFault, Result, Values, holds

_Inside = Callable[[At], Awaitable[Result | None]]


async def parallel(at: At) -> Result | None:
    return await _in_time(at, _parallel)


async def loop(at: At) -> Result | None:
    return await _in_time(at, _loop)


async def each(at: At) -> Result | None:
    if not isinstance(at.over, list):
        raise NodeFault("no_list", "What it goes over is no list.")
    if len(at.over) > at.node.most:
        said = f"The list has {len(at.over):,} entries; at most {at.node.most:,} are allowed."
        raise NodeFault("too_many", said)
    return await _in_time(at, _each)


async def _in_time(at: At, inside: _Inside) -> Result | None:
    """The group's work within its time-out. What is left of it then, or when a node inside failed,
    is ended.
    """
    prefix = f"{at.key}["
    task = asyncio.ensure_future(inside(at))
    try:
        done, _ = await asyncio.wait({task}, timeout=_seconds_left(at))
        if done:
            return task.result()
    except NodeFault:
        await abandon(at.flow.journal, prefix, FAILED)
        raise
    except asyncio.CancelledError as error:
        await end_nodes([task], error)
        raise
    await end_nodes([task], None)
    await abandon(at.flow.journal, prefix, TIMEOUT)
    limit = at.node.timeout_ms / 1000
    raise NodeFault("timeout", f"It took longer than its {limit:g} seconds.")


def _seconds_left(at: At) -> float | None:
    """Of the time-out, which waiting for people doesn't count against."""
    if at.node.timeout_ms is None:
        return None
    begun, spent = at.step.started_at, 0.0
    if begun is not None:
        pauses = [one for one in at.flow.journal.root.pauses if _after(one, begun)]
        spent = (datetime.now(UTC) - begun).total_seconds() - sum(map(waited, pauses))
    return float(max(at.node.timeout_ms / 1000 - max(spent, 0.0), 0.0))


def _after(pause: dict[str, Any], begun: datetime) -> bool:
    return datetime.fromisoformat(pause["at"]) >= begun


def _inner(at: At, number: int, roots: dict[str, Any], around: Place) -> Place:
    return replace(
        around,
        roots={"input": at.place.roots["input"], "args": at.args, **roots},
        prefix=f"{at.key}[{number}]/",
        tainted=at.tainted,
    )


async def _scope(at: At, place: Place, *, first: bool = False) -> Any:
    """The scope once it is over, None while it waits."""
    from agents.runtime.workflow.scope import Scope

    scope = Scope(at.flow, at.flow.level(at.node.nodes, at.node.result), place)
    if not await scope.run(first=first):
        return None
    at.tainted = at.tainted or scope.tainted
    return scope


def _result(at: At, scope: Any) -> dict[str, Any]:
    values: Values = scope.values
    return values.there(at.node.result) if at.node.result else scope.outputs()


async def _parallel(at: At) -> Result | None:
    first = at.node.wait_for == "any"
    place = _inner(at, 0, {}, at.flow.inside(at.place, at.node.concurrency))
    scope = await _scope(at, place, first=first)
    if scope is None:
        return None
    if first:
        await abandon(at.flow.journal, place.prefix, FIRST)
    found = scope.first_output() if first and not at.node.result else _result(at, scope)
    return Result("completed", found, tainted=at.tainted)


async def _loop(at: At) -> Result | None:
    around = at.flow.inside(at.place, at.node.concurrency)
    last: dict[str, Any] = {}
    result: dict[str, Any] = {}
    for number in range(at.node.times):
        scope = await _scope(at, _inner(at, number, {"last": last}, around))
        if scope is None:
            return None
        last, result = scope.outputs(), _result(at, scope)
        if at.node.until is not None:
            roots = {**at.roots, "last": last, "round": number + 1}
            if holds(at.node.until, roots, "until"):
                return _rounds(at, number + 1, result, done=True)
    return _rounds(at, at.node.times, result, done=at.node.until is None)


def _rounds(at: At, rounds: int, result: dict[str, Any], *, done: bool) -> Result:
    output = {"rounds": rounds, "done": done, "result": result}
    return Result("completed", output, tainted=at.tainted)


async def _each(at: At) -> Result | None:
    """Entries begin as there is room; one that waits for people gives its place to the next."""
    around = at.flow.inside(at.place, at.node.concurrency)
    window = asyncio.Semaphore(around.at_once)
    found: list[Any] = [None] * len(at.over)

    async def one(number: int, item: Any) -> bool:
        place = _inner(at, number, {"item": item, "index": number}, around)
        async with window:
            scope = await _scope(at, place)
        if scope is not None:
            found[number] = _result(at, scope)
        return scope is not None

    over = await _all([one(number, item) for number, item in enumerate(at.over)])
    if not all(over):
        return None
    return Result("completed", {"items": found}, tainted=at.tainted)


async def _all(works: Sequence[Any]) -> list[bool]:
    """As `together.all_at_once`, but one that is handed over lets the others finish their steps."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        while open_ones := [task for task in tasks if not task.done()]:
            await asyncio.wait(open_ones, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    task.result()
    except BaseException as error:
        await end_nodes(tasks, error)
        raise
    return [task.result() for task in tasks]
