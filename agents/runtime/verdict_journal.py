"""What the journal of one run holds in memory, and the verdicts that wait for its next write."""

from __future__ import annotations

from agents.guardrails.verdicts import Verdict
from agents.runtime.state import RunState, StepState
from agents.runtime.verdict_rows import VerdictRow, counted, row_of


class VerdictJournal:
    """The steps of a run by their keys, with numbers and positions for the next ones.

    Positions of a tree are its root's: `root` is the run that counts them.
    """

    def __init__(self, run: RunState, root: RunState | None = None) -> None:
        self.run = run
        self.root = root or run
        self._steps = {step.key: step for step in run.steps}
        self._next_seq = 1
        self._verdicts: list[VerdictRow] = []

    def count_steps(self) -> None:
        """Set the next step's number to what follows those that are known."""
        self._next_seq = max((step.seq for step in self._steps.values()), default=0) + 1

    def all_steps(self) -> list[StepState]:
        """Every step, in whatever state."""
        return list(self._steps.values())

    def next_position(self) -> int:
        self.root.position += 1
        self.run.position = self.root.position
        return self.root.position

    def add_verdict(self, key: str, verdict: Verdict) -> None:
        """A guardrail's word: a finished step at once, durable with the run's next write."""
        before = self._steps.get(key)
        seq = before.seq if before else self._next_seq
        if before is None:
            self._next_seq += 1
        row = row_of(verdict, key, seq, self.next_position())
        self._steps[key] = row.step
        self._verdicts.append(row)
        counted(self.run, verdict)

    def verdicts(self, place: str) -> list[StepState]:
        """What guardrails said of the text of the step under this key; "input": of the run's."""
        begin = f"{place}:guard:"
        return [step for key, step in self._steps.items() if key.startswith(begin)]
