"""Many streams held open at once by a slow model: memory, threads, connections, loop lag."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.client import Client, Outcome
from benchmarks.contenders import Running
from benchmarks.load import share
from benchmarks.processes import cpu_seconds, rss_bytes, threads

# Started side by side: an avalanche is another measurement.
AT_ONCE = 50
_ROUNDS_BEFORE = 3
WATCHED = 10.0  # seconds
FIRST_TOKEN = 60.0  # seconds until a stream that says nothing is given up


@dataclass(frozen=True)
class Held:
    """`connections` is the most that were open; `busy` the most in a transaction or a query."""

    streams: int
    errors: int
    first_error: str
    kb_each: float
    threads: int
    connections_before: int
    connections: int
    busy: int
    lag_p50: float
    lag_p99: float
    lag_max: float
    cpu_percent: float


async def measure(
    running: Running, streams: int, connections: Callable[[], tuple[int, int]]
) -> Held:
    """Open `streams`, watch them stream for ten seconds, and let go.

    `connections` answers how many database connections the server has, and how many are at work.
    The model must stream for longer than all this takes: whatever ends meanwhile is an error.
    """
    client = Client(running.process.port, running.marks, seconds=3600)
    held: list[asyncio.Task[Outcome]] = []
    # What the first runs import and build is no stream's, nor what the pool opens for a rush.
    for _ in range(_ROUNDS_BEFORE):
        await asyncio.gather(*(_open(client, running, held) for _ in range(AT_ONCE)))
    base, base_streams = rss_bytes(running.process.pid), len(held)
    idle_connections, _ = await asyncio.to_thread(connections)
    gate = asyncio.Semaphore(AT_ONCE)

    async def gated() -> None:
        async with gate:
            await _open(client, running, held)

    await asyncio.gather(*(gated() for _ in range(streams - base_streams)))
    await asyncio.sleep(1)
    await asyncio.to_thread(_lag, running)
    before = cpu_seconds(running.process.pid)
    most, busiest, most_threads = 0, 0, 0
    for _ in range(int(WATCHED * 2)):
        await asyncio.sleep(0.5)
        opened, working = await asyncio.to_thread(connections)
        most, busiest = max(most, opened), max(busiest, working)
        most_threads = max(most_threads, threads(running.process.pid))
    used = cpu_seconds(running.process.pid) - before
    late = sorted(await asyncio.to_thread(_lag, running))
    grown = rss_bytes(running.process.pid) - base
    ended = [_why(task) for task in held if task.done()]
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    client.close()
    return Held(
        streams=len(held) - len(ended),
        errors=len(ended),
        first_error=ended[0] if ended else "",
        kb_each=grown / (len(held) - base_streams) / 1000,
        threads=most_threads,
        connections_before=idle_connections,
        connections=most,
        busy=busiest,
        lag_p50=share(late, 0.5),
        lag_p99=share(late, 0.99),
        lag_max=late[-1] if late else 0.0,
        cpu_percent=used / WATCHED * 100,
    )


async def _open(client: Client, running: Running, held: list[asyncio.Task[Outcome]]) -> None:
    """Start one stream and return when its first token is there (or it broke)."""
    streaming = asyncio.Event()
    request = running.request("plain", "Hold", None)
    task = asyncio.create_task(client.ask(request, streaming.set))
    task.add_done_callback(lambda _: streaming.set())
    held.append(task)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(streaming.wait(), FIRST_TOKEN)
    if not streaming.is_set():
        task.cancel()


def _lag(running: Running) -> list[float]:
    url = f"http://127.0.0.1:{running.process.port}/bench/lag"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return list(json.loads(answer.read()))


def _why(task: asyncio.Task[Outcome]) -> str:
    if task.cancelled():
        return f"no token within {FIRST_TOKEN:.0f} s"
    return task.result().error or "ended early"
