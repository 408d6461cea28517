"""A workflow's graph as one of its runs goes through it: nodes in the colours of their states."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from agents.models import Run
from agents.workflows.run_states import coloured, counted, node_states, plain_drawing


@dataclass(frozen=True, slots=True)
class RunGraph:
    """`counts`: how many of the nodes that began are in each state, for people."""

    drawing: SafeString
    counts: str


def run_graph(run: Run) -> RunGraph | None:
    """None for a run of anything else, or of a revision that this version can't read.

    The drawing is kept by the revision's digest: what is made anew are its colours.
    """
    if run.kind != "workflow":
        return None
    plain = plain_drawing(run.revision.digest, run.revision_id)
    if plain is None:
        return None
    states = node_states(run)
    return RunGraph(coloured(plain, states), counted(states))
