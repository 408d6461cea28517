"""What was looked at, and what was wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """`checks` by kind; wrong reads and writes; errors, which are no leak and no pass either."""

    checks: Counter[str] = field(default_factory=Counter)
    wrong_reads: int = 0
    wrong_writes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    tasks: int = 0

    def read(self, kind: str, wanted: str, seen: str) -> None:
        """One look: `seen` must be `wanted`'s."""
        self.checks[kind] += 1
        if seen != wanted:
            self.wrong_reads += 1
            self._note(f"{kind}: {wanted} was shown {seen!r}")

    def written(self, kind: str, rows: int, wrong: int, where: str) -> None:
        """One place swept: `rows` were looked at, and `wrong` of them don't belong there."""
        self.checks[kind] += rows
        self.wrong_writes += wrong
        if wrong:
            self._note(f"{kind}: {wrong} row(s) in {where} are not its own")

    def failed(self, kind: str, error: str) -> None:
        self.errors[f"{kind}: {error[:1500]}"] += 1

    def _note(self, example: str) -> None:
        if len(self.examples) < 5:
            self.examples.append(example)

    @property
    def wrong(self) -> int:
        return self.wrong_reads + self.wrong_writes

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.checks.items()))
        return (
            f"{sum(self.checks.values()):,} checks ({kinds})\n"
            f"  wrong-tenant reads {self.wrong_reads:,}, wrong-tenant writes "
            f"{self.wrong_writes:,}, errors {sum(self.errors.values()):,}"
        )
