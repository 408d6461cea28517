"""The edges of a graph: who gives data to whom by which name, who follows, who branches where.

Read off the nodes' specs alone. Checking, drawing and order all use these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.workflows.flaws import Path
from agents.workflows.parts import Source
from agents.workflows.spec import (
    BaseNode,
    ConditionNode,
    GroupNode,
    MapNode,
    RouterNode,
    reference_root,
)

OVER = "over"
"""The name under which a map's list comes to it."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`kind`: data (`label` is the argument's name), after, branch (`label` is the branch) or
    fallback. `needed`: without the source having run, the target doesn't run either. `path` leads
    from the node to what makes the edge.
    """

    source: str
    target: str
    kind: str
    label: str = ""
    needed: bool = True
    path: Path = ()


def edges(nodes: Sequence[BaseNode]) -> list[Edge]:
    """The edges between the nodes of one scope, in their order; those to unknown nodes too."""
    return [edge for node in nodes for edge in _of(node)]


def _of(node: BaseNode) -> Iterator[Edge]:
    for name, source, path in sources_of(node):
        for place, reference in enumerate(source.references):
            needed = not source.has_default and len(source.references) == 1
            inner: Path = (*path, "first", place) if source.first else path
            yield Edge(reference_root(reference)[0], node.id, "data", name, needed, inner)
    for place, before in enumerate(node.after):
        yield Edge(before, node.id, "after", needed=False, path=("after", place))
    for label, path, targets in branches(node):
        for place, target in enumerate(targets):
            yield Edge(node.id, target, "branch", label, path=(*path, place))
    if node.fallback is not None:
        yield Edge(node.id, node.fallback, "fallback", path=("fallback",))


def sources_of(node: BaseNode) -> Iterator[tuple[str, Source, Path]]:
    """What a node takes: the argument's name, where from, and its place in the node."""
    if isinstance(node, MapNode):
        yield OVER, node.over, ("over",)
    for name, source in node.args.items():
        yield name, source, ("args", name)


def branches(node: BaseNode) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """The branches that a node chooses among, exactly one of them being taken."""
    if isinstance(node, ConditionNode):
        yield "then", ("then",), node.then
        yield "else", ("else",), node.else_
    elif isinstance(node, RouterNode):
        for name, targets in node.routes.items():
            yield name, ("routes", name), targets
        yield "otherwise", ("otherwise",), node.otherwise


def needs(nodes: Sequence[BaseNode], found: Iterable[Edge] | None = None) -> dict[str, list[str]]:
    """For each node those that must be finished or skipped before it: a graph for `order`.

    Who waits for a node with a fallback waits for the fallback too, which stands for it.
    """
    waits: dict[str, list[str]] = {node.id: [] for node in nodes}
    stand_ins = {node.id: node.fallback for node in nodes if node.fallback is not None}
    for edge in edges(nodes) if found is None else found:
        if edge.source not in waits or edge.target not in waits:
            continue
        wanted = [edge.source]
        if edge.kind in ("data", "after"):
            stand_in = stand_ins.get(edge.source)
            while stand_in in waits and stand_in not in wanted and stand_in != edge.target:
                wanted.append(stand_in)
                stand_in = stand_ins.get(stand_in)
        waits[edge.target] += [one for one in wanted if one not in waits[edge.target]]
    return waits


def everything(nodes: Sequence[BaseNode], path: Path = ()) -> Iterator[tuple[Path, BaseNode]]:
    """All nodes with those inside groups, each with its path in the spec."""
    for place, node in enumerate(nodes):
        inner: Path = (*path, "nodes", place)
        yield inner, node
        if isinstance(node, GroupNode):
            yield from everything(node.nodes, inner)
