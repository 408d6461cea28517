"""The order of a graph: Kahn's algorithm. Pure: no spec, no database, any hashable names.

A graph is `needs`: for each node the nodes that must be finished before it. What a node needs and
is no node itself counts as finished.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)


class Order(Generic[N]):
    """Which nodes are ready, as others finish. Every step costs what it frees, not the graph.

    Nodes come out in the graph's own order, each once. `finished` are those that were done before,
    so that a run which is entered again goes on where it was.
    """

    def __init__(self, needs: Mapping[N, Collection[N]], finished: Iterable[N] = ()) -> None:
        self._place = {node: place for place, node in enumerate(needs)}
        self._open = {node: len(set(needs[node]) & needs.keys()) for node in needs}
        self._waiting = readers(needs)
        self._finished: set[N] = set()
        self._given: set[N] = set()
        self._ready = [node for node, count in self._open.items() if not count]
        for node in finished:
            self.finish(node)

    def ready(self) -> list[N]:
        """The nodes that may start now and haven't been given out."""
        found = [n for n in self._ready if n not in self._given and n not in self._finished]
        self._ready = []
        self._given.update(found)
        return sorted(found, key=self._place.__getitem__)

    def finish(self, node: N) -> None:
        """`node` is done, or was skipped. Raises KeyError for one that isn't in the graph."""
        if node not in self._place:
            raise KeyError(node)
        if node in self._finished:
            return
        self._finished.add(node)
        for reader in self._waiting[node]:
            self._open[reader] -= 1
            if not self._open[reader]:
                self._ready.append(reader)

    @property
    def done(self) -> bool:
        return len(self._finished) == len(self._place)


def readers(needs: Mapping[N, Collection[N]]) -> dict[N, list[N]]:
    """For each node those that need it, in the graph's order."""
    found: dict[N, list[N]] = {node: [] for node in needs}
    for node, sources in needs.items():
        for source in dict.fromkeys(sources):
            if source in found:
                found[source].append(node)
    return found


def phases(needs: Mapping[N, Collection[N]]) -> list[list[N]]:
    """The nodes by the longest way to them: what a page shows, not what is waited for.

    Nodes on a circle, and those behind one, are in none.
    """
    order = Order(needs)
    found = []
    while ready := order.ready():
        found.append(ready)
        for node in ready:
            order.finish(node)
    return found


def circles(needs: Mapping[N, Collection[N]]) -> list[list[N]]:
    """One circle of each knot of nodes that wait for each other, as a way that ends before its
    beginning: `[a, b]` says that b needs a and a needs b. A node that needs itself is `[a]`.
    """
    after = readers(needs)
    found = []
    for knot in _knots(after):
        first = knot[0]
        if len(knot) > 1 or first in after[first]:
            found.append(_way_round(first, set(knot), after))
    return found


def _way_round(first: N, inside: set[N], after: Mapping[N, list[N]]) -> list[N]:
    """The shortest way from `first` back to it."""
    came: dict[N, N] = {}
    level = [first]
    while level:
        beyond = []
        for node in level:
            for reader in after[node]:
                if reader == first:
                    way = [node]
                    while way[-1] != first:
                        way.append(came[way[-1]])
                    return way[::-1]
                if reader in inside and reader not in came:
                    came[reader] = node
                    beyond.append(reader)
        level = beyond
    raise ValueError("there is no way round")  # only for a knot that is none


def _knots(after: Mapping[N, list[N]]) -> list[list[N]]:
    """Tarjan's strongly connected parts, without recursion: graphs may be long chains."""
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    stack: list[N] = []
    on_stack: set[N] = set()
    place = {node: number for number, node in enumerate(after)}
    found = []
    for root in after:
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            node, step = work.pop()
            if not step:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for number in range(step, len(after[node])):
                reader = after[node][number]
                if reader not in index:
                    work += [(node, number + 1), (reader, 0)]
                    break
                if reader in on_stack:
                    low[node] = min(low[node], index[reader])
            else:
                if low[node] == index[node]:
                    knot = stack[stack.index(node) :]
                    del stack[-len(knot) :]
                    on_stack -= set(knot)
                    found.append(sorted(knot, key=place.__getitem__))
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
    return sorted(found, key=lambda knot: place[knot[0]])
