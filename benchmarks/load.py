"""Many runs at once: what they cost the server and what their clients waited."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from benchmarks.client import Client, Outcome
from benchmarks.contenders import Running
from benchmarks.processes import cpu_seconds


@dataclass(frozen=True)
class Sample:
    """One measured round; times in milliseconds."""

    runs: int
    cpu: float
    database_cpu: float
    model_cpu: float
    rate: float
    first_p50: float
    first_p99: float
    token_p50: float
    token_p99: float
    errors: int
    first_error: str = field(default="")


def share(ordered: list[float], part: float) -> float:
    """The value below which `part` of the sorted values lie; 0 for none."""
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


async def at_once(
    client: Client, running: Running, agent: str, runs: int, concurrency: int
) -> list[Outcome]:
    """`runs` runs, at most `concurrency` under way, each in a session of its own."""
    numbers = iter(range(runs))
    outcomes: list[Outcome] = []

    async def one_after_another() -> None:
        for number in numbers:
            outcomes.append(await client.ask(running.request(agent, f"Hello {number}", None)))

    await asyncio.gather(*(one_after_another() for _ in range(min(concurrency, runs))))
    return outcomes


async def measure(
    running: Running, agent: str, runs: int, concurrency: int, pids: tuple[int, int], warm: int
) -> Sample:
    """One round after a warm-up of `warm` runs; `pids` are the database's and the model's."""
    client = Client(running.process.port, running.marks)
    await at_once(client, running, agent, warm, concurrency)
    before = [cpu_seconds(pid) for pid in (running.process.pid, *pids)]
    begun = time.perf_counter()
    outcomes = await at_once(client, running, agent, runs, concurrency)
    took = time.perf_counter() - begun
    after = [cpu_seconds(pid) for pid in (running.process.pid, *pids)]
    client.close()
    server, database, model = (
        (end - start) / runs * 1000 for start, end in zip(before, after, strict=True)
    )
    good = [outcome for outcome in outcomes if not outcome.error]
    bad = [outcome.error for outcome in outcomes if outcome.error]
    firsts = sorted(outcome.first_event * 1000 for outcome in good)
    tokens = sorted(outcome.first_token * 1000 for outcome in good)
    return Sample(
        runs=runs,
        cpu=server,
        database_cpu=database,
        model_cpu=model,
        rate=len(good) / took,
        first_p50=share(firsts, 0.5),
        first_p99=share(firsts, 0.99),
        token_p50=share(tokens, 0.5),
        token_p99=share(tokens, 0.99),
        errors=len(bad),
        first_error=bad[0] if bad else "",
    )
