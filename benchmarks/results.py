"""The figures of a benchmark as they come in, and what is drawn from repeats."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.held import Held
from benchmarks.load import Sample
from benchmarks.sessions import Turn


@dataclass(frozen=True)
class Spread:
    """Least, middle and greatest of the repeats."""

    least: float
    middle: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(min(values), statistics.median(values), max(values))


@dataclass
class Figures:
    """One contender's. `load` is keyed by agent (`plain`, `tool`) and concurrency."""

    load: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    held: Held | None = None
    broken: str = ""
    """Why the contender could not be measured to the end; empty when it could."""

    def spread(
        self, agent: str, concurrency: int, value: Callable[[Sample], float]
    ) -> Spread | None:
        samples = self.load.get((agent, concurrency))
        return Spread.of([value(sample) for sample in samples]) if samples else None

    def cpu(self, agent: str = "plain", concurrency: int = 50) -> float | None:
        """Server CPU ms per run, the least of the repeats: what neighbours added isn't ours."""
        spread = self.spread(agent, concurrency, lambda sample: sample.cpu)
        return spread.least if spread else None

    def turn(self, number: int) -> Turn | None:
        return next((turn for turn in self.turns if turn.number == number), None)
