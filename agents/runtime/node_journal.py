"""The part of a run's journal that holds the nodes of a workflow: noted now, written together.

Working a node out anew does no harm, what it does in the world is steps of their own. So its
beginning and its end go out with the run's next write, whoever of the tree makes it, and hundreds
of nodes cost a few round trips.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from agents.runtime.node_rows import KIND, NodeRow, NodeWord
from agents.runtime.outcomes import Outcome
from agents.runtime.state import StepState
from agents.runtime.verdict_journal import VerdictJournal


class NodeJournal(VerdictJournal):
    """`wakes`: when what a node waits for comes by itself, by the node's key."""

    def __init__(self, run: Any, root: Any = None) -> None:
        super().__init__(run, root)
        self.wakes: dict[str, datetime] = {}
        self._nodes: dict[str, NodeRow] = {}
        self._words: list[NodeWord] = []

    @property
    def notes(self) -> int:
        """Of how many nodes something waits to be written."""
        return len(self._nodes)

    def begin_node(self, key: str, name: str, input: dict[str, Any]) -> StepState:
        """The node's step from now on, or as it was begun before."""
        found = self._steps.get(key)
        if found is not None:
            return found
        step = StepState(
            seq=self._next_seq,
            key=key,
            kind=KIND,
            name=name[:200],
            status="started",
            attempt=1,
            input=input,
            output=None,
            error=None,
            input_tokens=0,
            output_tokens=0,
            started_position=self.next_position(),
            finished_position=None,
            started_at=None,
            finished_at=None,
        )
        self._next_seq += 1
        self._steps[key] = step
        self._note(NodeRow(step, time.monotonic()), step.started_position, ended=False)
        return step

    def end_node(self, step: StepState, outcome: Outcome) -> StepState:
        """Record what the node came to."""
        step.output, step.error = outcome.output, outcome.error
        step.status = "failed" if outcome.error else "finished"
        step.finished_position = self.next_position()
        row = self._nodes.get(step.key) or NodeRow(step, time.monotonic())
        row.step, row.ended = step, time.monotonic()
        self._steps[step.key] = step
        self.wakes.pop(step.key, None)
        self._note(row, step.finished_position, ended=True)
        return step

    def _note(self, row: NodeRow, position: int, *, ended: bool) -> None:
        self._nodes[row.step.key] = row
        self._words.append(NodeWord(row, position, ended))

    def take_nodes(self) -> tuple[dict[str, NodeRow], list[NodeWord]]:
        """What waits: now the caller's to write."""
        taken = self._nodes, self._words
        self._nodes, self._words = {}, []
        return taken

    def put_back_nodes(self, nodes: dict[str, NodeRow], words: list[NodeWord]) -> None:
        """What could not be written waits again."""
        self._nodes = nodes | self._nodes
        self._words[:0] = words

    @property
    def size(self) -> int:
        """How many steps there are."""
        return len(self._steps)

    def unfinished(self, prefix: str) -> list[StepState]:
        """The steps under keys that begin so which are begun, or wait, and not over."""
        return [
            step
            for key, step in self._steps.items()
            if key.startswith(prefix) and step.status in ("started", "waiting")
        ]
