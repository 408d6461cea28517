"""A draft while it is written: what is wrong on which line, and the drawing, in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.workflows.check import flaws_of
from agents.workflows.drawing import Notes, svg
from agents.workflows.flaws import Flaw, Path
from agents.workflows.known import known_to
from agents.workflows.links import everything, needs
from agents.workflows.order import phases
from agents.workflows.reading import read_graph
from agents.workflows.spec import Graph


@dataclass(frozen=True)
class Preview:
    """`drawing` is "" where the text has no workflow's form."""

    flaws: tuple[Flaw, ...]
    drawing: str = ""
    nodes: int = 0
    phases: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "problems": [flaw.as_json() for flaw in self.flaws],
            "svg": self.drawing,
            "nodes": self.nodes,
            "phases": self.phases,
        }


def preview(text: str, slug: str = "", *, buttons: bool = True) -> Preview:
    """Reads, checks and draws a graph's YAML in the active tenant; a few queries.

    With `buttons` the nodes know their lines, for a page that leads to them.
    """
    read = read_graph(text)
    if read.spec is None or read.marked is None:
        return Preview(read.flaws)
    flaws = read.located(flaws_of(read.spec, known_to(read.spec), slug))
    lines = {path: read.marked.place(path)[0] for path, _ in everything(read.spec.nodes) if buttons}
    return Preview(
        flaws=tuple(flaws),
        drawing=svg(read.spec, Notes(_by_node(flaws), lines)),
        nodes=sum(1 for _ in everything(read.spec.nodes)),
        phases=phase_count(read.spec),
    )


def phase_count(graph: Graph) -> int:
    return len(phases(needs(graph.nodes)))


def _by_node(flaws: list[Flaw]) -> dict[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for flaw in flaws:
        path = node_path(flaw.path)
        if path:
            found.setdefault(path, []).append(flaw.message)
    return found


def node_path(path: Path) -> Path:
    """The path of the innermost node that a place is in; () when it is in none."""
    last = 0
    for place in range(1, len(path)):
        if path[place - 1] == "nodes" and isinstance(path[place], int):
            last = place + 1
    return path[:last]
