"""Nodes that can never run, whatever branches are taken: found before anything runs.

For each node it is worked out which branches must have been taken for it to run, as sets of
possible ones. That is never too narrow, so what is said to be impossible is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.workflows.links import Edge

World = dict[str, frozenset[str]]
"""By branching node, which of its branches may have been taken. One that isn't there: any."""


class _Impossible(Exception):
    """Two demands on one branching node that no branch meets."""

    def __init__(self, brancher: str, one: frozenset[str], other: frozenset[str]) -> None:
        super().__init__(brancher)
        self.brancher = brancher
        self.one, self.other = sorted(one), sorted(other)


def never_run(order: Sequence[str], edges: Iterable[Edge]) -> dict[str, str]:
    """Why a node can't run, of each that can't. `order`: the nodes, each after what it needs."""
    into: dict[str, list[Edge]] = {node: [] for node in order}
    for edge in edges:
        if edge.source in into and edge.target in into and edge.source != edge.target:
            into[edge.target].append(edge)
    worlds: dict[str, World] = {}
    why: dict[str, str] = {}
    for node in order:
        dead = next((e.source for e in into[node] if e.needed and e.source in why), None)
        demands = _demands(into[node], worlds)
        try:
            if any(not options for options in demands):
                raise LookupError
            worlds[node] = _all_of(_any_of(options) for options in demands)
        except _Impossible as error:
            one, other = " or ".join(error.one), " or ".join(error.other)
            why[node] = (
                f"It can never run: it needs {error.brancher} to take {one} and to take {other}."
            )
        except LookupError:
            behind = dead or next(e.source for e in into[node] if e.source in why)
            why[node] = f"It can never run, because {behind} can't."
    return why


def _demands(into: Sequence[Edge], worlds: dict[str, World]) -> list[list[World]]:
    """What a node needs: of each list one world at least. A list is empty when none is left."""
    found = []
    ways = [edge for edge in into if edge.kind in ("branch", "fallback")]
    if ways:
        found.append([world for edge in ways for world in _taking(edge, worlds)])
    found += [
        [worlds[edge.source]] if edge.source in worlds else []
        for edge in into
        if edge.kind == "data" and edge.needed
    ]
    return found


def _taking(edge: Edge, worlds: dict[str, World]) -> Iterable[World]:
    if edge.source not in worlds:
        return
    world = worlds[edge.source]
    if edge.kind == "branch":
        world = {**world, edge.source: frozenset({edge.label})}
    yield world


def _all_of(worlds: Iterable[World]) -> World:
    found: World = {}
    for world in worlds:
        for brancher, taken in world.items():
            before = found.get(brancher, taken)
            found[brancher] = before & taken
            if not found[brancher]:
                raise _Impossible(brancher, before, taken)
    return found


def _any_of(worlds: Sequence[World]) -> World:
    shared = set(worlds[0]).intersection(*worlds[1:])
    return {one: frozenset().union(*(world[one] for world in worlds)) for one in shared}
