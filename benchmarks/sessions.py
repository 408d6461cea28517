"""Long conversations: what the n-th turn costs and takes."""

from __future__ import annotations

import asyncio
import re
import statistics
from dataclasses import dataclass

from benchmarks.client import Client, Outcome
from benchmarks.contenders import Running
from benchmarks.processes import cpu_seconds

_SESSION = re.compile(rb'"session_id":\s*"([0-9a-f-]{36})"')
# The turns that stand for the first, 2nd, 5th and 50th: a few each, because one turn of a few
# sessions is too little CPU for the kernel's clock of 10 ms.
WINDOWS = {1: (1, 1), 2: (2, 4), 5: (5, 7), 50: (48, 50)}


@dataclass(frozen=True)
class Turn:
    """Turn `number` of all sessions: CPU and median time of one run, in milliseconds."""

    number: int
    cpu: float
    took: float
    errors: int
    first_error: str = ""


async def measure(running: Running, sessions: int) -> list[Turn]:
    """`sessions` conversations side by side, turn for turn, to the longest window's end."""
    client = Client(running.process.port, running.marks)
    ids: list[str | None] = [None] * sessions
    pid = running.process.pid
    last = max(end for _, end in WINDOWS.values())
    cpu, took, errors = [0.0], [0.0], [0]
    said = ""
    for turn in range(1, last + 1):
        before = cpu_seconds(pid)
        requests = [running.request("plain", f"Turn {turn}", each) for each in ids]
        outcomes = await asyncio.gather(*(client.ask(request) for request in requests))
        cpu.append((cpu_seconds(pid) - before) / sessions * 1000)
        took.append(statistics.median(outcome.took for outcome in outcomes) * 1000)
        wrong = [outcome.error for outcome in outcomes if outcome.error]
        errors.append(len(wrong))
        said = said or "".join(wrong[:1])
        if turn == 1:
            ids = [_session(outcome) for outcome in outcomes]
    client.close()
    return [
        Turn(
            number,
            cpu=statistics.mean(cpu[first : end + 1]),
            took=statistics.mean(took[first : end + 1]),
            errors=sum(errors[first : end + 1]),
            first_error=said,
        )
        for number, (first, end) in WINDOWS.items()
    ]


def _session(outcome: Outcome) -> str | None:
    found = _SESSION.search(outcome.opening)
    return found[1].decode() if found else None
