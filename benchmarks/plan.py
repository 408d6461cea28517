"""What a run of the benchmark does: all of it, or a quick part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """`runs` runs at `concurrency`, `repeats` times."""

    concurrency: int
    runs: int
    repeats: int


@dataclass(frozen=True)
class Plan:
    plain: tuple[Cell, ...]
    tool: tuple[Cell, ...]
    sessions: int
    held: int


FULL = Plan(
    plain=(
        Cell(1, 20, 3),
        Cell(50, 300, 3),
        Cell(200, 400, 3),
        Cell(500, 500, 2),
        Cell(1000, 1000, 2),
    ),
    tool=(Cell(1, 10, 2), Cell(50, 150, 3), Cell(200, 200, 1), Cell(1000, 1000, 1)),
    sessions=20,
    held=1000,
)
QUICK = Plan(
    plain=(Cell(1, 10, 1), Cell(50, 150, 2), Cell(200, 200, 1)),
    tool=(Cell(50, 100, 1),),
    sessions=5,
    held=200,
)
