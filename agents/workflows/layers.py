"""A layered layout: boxes in columns by the longest way to them, with few crossings.

Pure geometry, left to right. Circles are drawn too: a link that leads back is turned round for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agents.workflows.order import phases

Size = tuple[float, float]
Point = tuple[float, float]

GAP_X, GAP_Y = 64.0, 18.0
_SWEEPS = 10
_SETTLING = 8


@dataclass
class Layout:
    """Left upper corners of the boxes; of each link the points it runs through, from the right side
    of its source to the left side of its target. `columns`: where each begins, and its width.
    """

    places: dict[str, Point] = field(default_factory=dict)
    lines: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    columns: list[tuple[float, float]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def laid_out(sizes: Mapping[str, Size], links: Sequence[tuple[str, str]]) -> Layout:
    """Places boxes of these sizes (width, height), in their order where nothing else decides."""
    forward = _forward(list(sizes), links)
    depth = _depths(list(sizes), forward)
    slots = _Slots(sizes, depth, sorted(set(forward.values())))
    slots.uncross()
    slots.settle()
    return slots.layout(forward)


def _forward(
    nodes: Sequence[str], links: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Each link as one that leads forward; those from a node to itself are left out."""
    needs: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in links:
        if source != target:
            needs[target].append(source)
    order = [node for phase in phases(needs) for node in phase]
    settled = set(order)
    order += [node for node in nodes if node not in settled]
    place = {node: number for number, node in enumerate(order)}
    return {
        (source, target): ((source, target) if place[source] < place[target] else (target, source))
        for source, target in links
        if source != target
    }


def _depths(
    nodes: Sequence[str], forward: Mapping[tuple[str, str], tuple[str, str]]
) -> dict[str, int]:
    needs: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in forward.values():
        needs[target].append(source)
    return {node: depth for depth, phase in enumerate(phases(needs)) for node in phase}


class _Slots:
    """The columns with their boxes, and a bend in every column that a long link passes."""

    def __init__(
        self, sizes: Mapping[str, Size], depth: Mapping[str, int], links: Sequence[tuple[str, str]]
    ) -> None:
        self.columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        self.size: dict[str, Size] = dict(sizes)
        self.before: dict[str, list[str]] = {}
        self.after: dict[str, list[str]] = {}
        self.bends: dict[tuple[str, str], list[str]] = {}
        for node in sizes:
            self._add(node, depth[node])
        for source, target in links:
            way = [source]
            for column in range(depth[source] + 1, depth[target]):
                bend = f"{source}>{target}>{column}"  # no id of a node looks so
                self.size[bend] = (0.0, 4.0)
                self._add(bend, column)
                way.append(bend)
            way.append(target)
            self.bends[source, target] = way[1:-1]
            for one, next_ in pairwise(way):
                self.after[one].append(next_)
                self.before[next_].append(one)
        self.centre: dict[str, float] = {}

    def _add(self, slot: str, column: int) -> None:
        self.columns[column].append(slot)
        self.before[slot] = []
        self.after[slot] = []

    # --- the order within the columns -------------------------------------------------------------

    def uncross(self) -> None:
        """Barycentres, forth and back; the best that was seen is kept."""
        best, fewest = [list(column) for column in self.columns], self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            there = sweep % 2 == 0
            beside = self.before if there else self.after
            columns = self.columns if there else self.columns[::-1]
            for previous, column in pairwise(columns):
                place = {slot: number for number, slot in enumerate(previous)}
                self._sort(column, place, beside)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best

    def _sort(
        self, column: list[str], place: Mapping[str, int], beside: Mapping[str, list[str]]
    ) -> None:
        now = {slot: number for number, slot in enumerate(column)}

        def weight(slot: str) -> tuple[float, int]:
            near = [place[one] for one in beside[slot] if one in place]
            middle = sum(near) / len(near) if near else float(now[slot])
            return middle, now[slot]

        column.sort(key=weight)

    def _crossings(self) -> int:
        total = 0
        for column, beyond in pairwise(self.columns):
            place = {slot: number for number, slot in enumerate(beyond)}
            ends: list[int] = []
            for slot in column:
                here = sorted(place[one] for one in self.after[slot])
                total += sum(len(ends) - bisect_left(ends, end + 1) for end in here)
                for end in here:
                    insort(ends, end)
        return total

    # --- heights ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Each column as near to its neighbours as its order and the gaps allow."""
        for column in self.columns:
            at = 0.0
            for slot in column:
                self.centre[slot] = at + self.size[slot][1] / 2
                at += self.size[slot][1] + GAP_Y
        for turn in range(_SETTLING):
            beside = self.before if turn % 2 == 0 else self.after
            columns = self.columns if turn % 2 == 0 else self.columns[::-1]
            for column in columns:
                self._place(column, beside)
        top = min((self.centre[s] - self.size[s][1] / 2 for s in self.centre), default=0.0)
        for slot in self.centre:
            self.centre[slot] -= top

    def _place(self, column: Sequence[str], beside: Mapping[str, list[str]]) -> None:
        """Least squares under an order: neighbours that would overlap move together."""
        offset, at = [], 0.0
        for slot in column:
            offset.append(at + self.size[slot][1] / 2)
            at += self.size[slot][1] + GAP_Y
        blocks: list[tuple[float, int]] = []  # where it would begin, of how many
        for slot, off in zip(column, offset, strict=True):
            near = [self.centre[one] for one in beside[slot]]
            wanted = (sum(near) / len(near) if near else self.centre[slot]) - off
            blocks.append((wanted, 1))
            while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
                (one, few), (other, more) = blocks[-2:]
                blocks[-2:] = [((one * few + other * more) / (few + more), few + more)]
        starts = [start for start, count in blocks for _ in range(count)]
        for slot, start, off in zip(column, starts, offset, strict=True):
            self.centre[slot] = start + off

    # --- the result -------------------------------------------------------------------------------

    def layout(self, forward: Mapping[tuple[str, str], tuple[str, str]]) -> Layout:
        made = Layout()
        left: dict[str, float] = {}
        wide: dict[str, float] = {}
        x = 0.0
        for column in self.columns:
            width = max(self.size[slot][0] for slot in column)
            made.columns.append((x, width))
            for slot in column:
                left[slot], wide[slot] = x, width
            x += width + GAP_X
        made.width = max(x - GAP_X, 0.0)
        for slot, centre in self.centre.items():
            height = self.size[slot][1]
            made.height = max(made.height, centre + height / 2)
            if ">" not in slot:
                made.places[slot] = (left[slot], centre - height / 2)
        for link, (source, target) in forward.items():
            points = [(left[source] + self.size[source][0], self.centre[source])]
            for bend in self.bends[source, target]:
                points += [
                    (left[bend], self.centre[bend]),
                    (left[bend] + wide[bend], self.centre[bend]),
                ]
            points.append((left[target], self.centre[target]))
            made.lines[link] = points if link == (source, target) else points[::-1]
        return made
