"""The figures that must hold, and whether they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.results import Figures

OURS = ("Concord, daphne", "Concord, uvicorn")
PEER_OFF, PEER_ON = "AgentOS, tracing off", "AgentOS, tracing on"
THREADS_MAX = 20
KB_EACH_MAX = 60.0
LAG_P99_MAX = 20.0
TURN_GROWTH_MAX = 1.2


@dataclass(frozen=True)
class Verdict:
    claim: str
    found: str
    holds: bool


def verdicts(figures: dict[str, Figures]) -> list[Verdict]:
    """A verdict for every claim that was measured on both sides."""
    found: list[Verdict] = []
    for name in OURS:
        if name in figures:
            found += _of(name, figures[name], figures)
    return found


def _of(name: str, mine: Figures, figures: dict[str, Figures]) -> Iterator[Verdict]:
    for peer, part in ((PEER_OFF, 5), (PEER_ON, 10)):
        theirs = figures[peer].cpu() if peer in figures else None
        if (own := mine.cpu()) and theirs:
            yield Verdict(
                f"{name}: CPU per run at 50 under 1/{part} of {peer}'s",
                f"{own:.2f} ms to {theirs:.2f} ms: 1/{theirs / own:.1f}",
                own * part < theirs,
            )
    yield from _first_event(name, mine, figures)
    second, last = mine.turn(2), mine.turn(50)
    if second and last and second.cpu and second.took:
        cpu, took = last.cpu / second.cpu, last.took / second.took
        yield Verdict(
            f"{name}: 50th turn within {TURN_GROWTH_MAX} of the 2nd",
            f"CPU x{cpu:.2f}, time x{took:.2f}",
            max(cpu, took) <= TURN_GROWTH_MAX and not last.errors,
        )
    yield from _held(name, mine)


def _first_event(name: str, mine: Figures, figures: dict[str, Figures]) -> Iterator[Verdict]:
    most = max((at for agent, at in mine.load if agent == "plain"), default=0)
    own = mine.spread("plain", most, lambda sample: sample.first_p99)
    if own is None:
        return
    for peer in (PEER_OFF, PEER_ON):
        them = figures.get(peer)
        theirs = them.spread("plain", most, lambda sample: sample.first_p99) if them else None
        if theirs and theirs.middle:
            yield Verdict(
                f"{name}: p99 to the first event at {most:,} under 1/10 of {peer}'s",
                f"{own.middle:,.0f} ms to {theirs.middle:,.0f} ms: "
                f"1/{theirs.middle / own.middle:.1f}",
                own.middle * 10 < theirs.middle,
            )
    errors = sum(sample.errors for sample in mine.load["plain", most])
    yield Verdict(f"{name}: no error at {most:,}", f"{errors} errors", errors == 0)


def _held(name: str, mine: Figures) -> Iterator[Verdict]:
    held = mine.held
    if held is None:
        return
    what = f"{name}: {held.streams + held.errors:,} held streams"
    yield Verdict(f"{what}, none lost", f"{held.errors} errors", held.errors == 0)
    yield Verdict(
        f"{what}: fewer than {THREADS_MAX} threads", str(held.threads), held.threads < THREADS_MAX
    )
    added = max(0, held.connections - held.connections_before)
    yield Verdict(
        f"{what}: no database connection held by them",
        f"{added} more than before, at most {held.busy} at work at once",
        # The pool may open what it lends for an instant; a stream that held one would be 1,000.
        added + held.busy <= 2,
    )
    yield Verdict(
        f"{what}: under {KB_EACH_MAX:.0f} KB each",
        f"{held.kb_each:.1f} KB",
        held.kb_each < KB_EACH_MAX,
    )
    yield Verdict(
        f"{what}: loop lag p99 under {LAG_P99_MAX:.0f} ms",
        f"{held.lag_p99:.1f} ms",
        held.lag_p99 < LAG_P99_MAX,
    )
