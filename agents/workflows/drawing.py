"""A workflow's graph as SVG, made on the server. Colours are the page's: every part has a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.html import escape
from django.utils.safestring import SafeString

from agents.workflows.flaws import Path
from agents.workflows.layers import GAP_X, Layout, Point, Size, laid_out
from agents.workflows.links import Edge, edges
from agents.workflows.spec import BaseNode, Graph, GroupNode
from agents.workflows.strokes import box, cut, framed, line
from agents.workflows.strokes import number as n

NODE: Size = (196.0, 50.0)
_HEAD, _PAD, _MARGIN, _PHASES = 46.0, 16.0, 14.0, 26.0
_LETTERS = 25
"""Characters of a title that fit into a node."""

LABELS = {
    "agent": "Agent",
    "team": "Team",
    "tool": "Tool",
    "transform": "Transform",
    "condition": "Condition",
    "router": "Router",
    "parallel": "In parallel",
    "loop": "Loop",
    "map": "For each",
    "human": "Person",
    "workflow": "Workflow",
    "wait": "Wait",
}


@dataclass(frozen=True)
class Notes:
    """What is known of nodes by their path in the spec: what is wrong, and the line they are on."""

    wrong: Mapping[Path, Sequence[str]] = field(default_factory=dict)
    lines: Mapping[Path, int] = field(default_factory=dict)


def svg(graph: Graph, notes: Notes | None = None) -> SafeString:
    """The drawing, to be put into a page; a group is a frame around its nodes.

    Nodes are reached with the keyboard and have their details as a title. Where `notes` have lines,
    they are buttons with `data-line`.
    """
    notes = notes or Notes()
    level = _Level(graph.nodes, (), "", notes)
    width = level.layout.width + 2 * _MARGIN
    height = level.layout.height + 2 * _MARGIN + _PHASES
    columns = "".join(
        f'<text class="wf-phase" x="{n(x + _MARGIN)}" y="17">{number}</text>'
        for number, (x, _) in enumerate(level.layout.columns, 1)
    )
    body = level.drawn(_MARGIN, _MARGIN + _PHASES)
    number = len(graph.nodes)
    return framed(
        f"Graph of {number} {'node' if number == 1 else 'nodes'}",
        (width, height),
        f"{columns}{body}",
    )


class _Level:
    """The nodes of one scope, with the levels inside its groups."""

    def __init__(self, nodes: Sequence[BaseNode], path: Path, prefix: str, notes: Notes) -> None:
        self.notes = notes
        self.paths: dict[str, Path] = {}
        self.names: dict[str, str] = {}
        self.nodes: dict[str, BaseNode] = {}
        self.inner: dict[str, _Level] = {}
        for place, node in enumerate(nodes):
            if node.id in self.nodes:
                continue  # two of one name are a flaw, told elsewhere
            here: Path = (*path, "nodes", place)
            self.paths[node.id], self.nodes[node.id] = here, node
            self.names[node.id] = f"{prefix}{node.id}"
            if isinstance(node, GroupNode):
                self.inner[node.id] = _Level(node.nodes, here, f"{prefix}{node.id}/", notes)
        self.edges = self._together(edges(nodes))
        self.layout: Layout = laid_out(
            {name: self._size(name) for name in self.nodes}, list(self.edges)
        )

    def _together(self, found: Sequence[Edge]) -> dict[tuple[str, str], list[Edge]]:
        """The edges between the same two nodes: drawn as one."""
        grouped: dict[tuple[str, str], list[Edge]] = {}
        for edge in found:
            if edge.source in self.nodes and edge.target in self.nodes:
                grouped.setdefault((edge.source, edge.target), []).append(edge)
        return grouped

    def _size(self, name: str) -> Size:
        inner = self.inner.get(name)
        if inner is None:
            return NODE
        width = max(inner.layout.width + 2 * _PAD, NODE[0])
        return width, inner.layout.height + _HEAD + _PAD

    def drawn(self, x: float, y: float) -> str:
        """All of it, moved by (x, y): lines first, so that boxes lie on them."""
        lines = [
            self._line(self.edges[link], points, x, y) for link, points in self.layout.lines.items()
        ]
        boxes = [self._box(name, x, y) for name in self.nodes]
        return "".join(lines + boxes)

    def _line(self, together: Sequence[Edge], points: Sequence[Point], x: float, y: float) -> str:
        kinds = {edge.kind for edge in together}
        kind = next(one for one in ("branch", "fallback", "data", "after") if one in kinds)
        moved = [(px + x, py + y) for px, py in points]
        title = "\n".join(dict.fromkeys(_said(edge) for edge in together))
        shown = line(kind, moved, title)
        label = ", ".join(
            dict.fromkeys(edge.label for edge in together if edge.kind == "branch")
        ) or ("fallback" if kind == "fallback" else "")
        if label:
            end_x, end_y = moved[-1]
            shown += (
                f'<text class="wf-label" x="{n(end_x - 10)}" y="{n(end_y - 6)}" '
                f'text-anchor="end">{escape(cut(label, int(GAP_X / 6)))}</text>'
            )
        return shown

    def _box(self, name: str, x: float, y: float) -> str:
        node, path = self.nodes[name], self.paths[name]
        left, top = self.layout.places[name]
        left, top = left + x, top + y
        width, height = self._size(name)
        wrong = self.notes.wrong.get(path, ())
        on_line = self.notes.lines.get(path)
        inner = self.inner.get(name)
        title = node.title or node.id
        kind = str(node.kind)  # type: ignore[attr-defined]
        said = "\n".join([f"{LABELS[kind]}: {title}", *details_of(node), *wrong])
        classes = f"wf-node wf-kind-{kind}{' wf-group' if inner else ''}"
        attributes = (
            f'class="{classes}{" wf-wrong" if wrong else ""}" tabindex="0" '
            f'role="{"img" if on_line is None else "button"}" '
            f'aria-label="{escape(said)}" data-node="{escape(self.names[name])}"'
        )
        if on_line is not None:
            attributes += f' data-line="{on_line}"'
        letters = int(_LETTERS * width / NODE[0])
        shown = box(
            attributes,
            said,
            (left, top),
            (width, height),
            [
                ("wf-kind", cut(_kind_line(node), letters + 3)),
                ("wf-title", cut(title, letters)),
            ],
        )
        if wrong:
            shown += (
                f'<circle class="wf-mark" cx="{n(left + width - 14)}" cy="{n(top + 14)}" r="8"/>'
                f'<text class="wf-mark-text" x="{n(left + width - 14)}" y="{n(top + 18)}" '
                'text-anchor="middle">!</text>'
            )
        return f"{shown}</g>" + (inner.drawn(left + _PAD, top + _HEAD) if inner else "")


def _kind_line(node: BaseNode) -> str:
    """`Agent · triage`: the kind, and what it runs."""
    kind = str(node.kind)  # type: ignore[attr-defined]
    runs = {"agent": "agent", "team": "team", "tool": "tool", "workflow": "workflow"}.get(kind)
    more = getattr(node, runs) if runs else ""
    if kind == "loop":
        more = f"at most {node.times}"  # type: ignore[attr-defined]
    return f"{LABELS[kind]} · {more}" if more else LABELS[kind]


def details_of(node: BaseNode) -> list[str]:
    """What a node's title says beside its name."""
    found = [_kind_line(node)] if " · " in _kind_line(node) else []
    for name, label in (("when", "when"), ("by", "by"), ("until", "until")):
        if value := getattr(node, name, None):
            found.append(f"{label} {value}")
    if node.skip_when:
        found.append(f"skipped when {node.skip_when}")
    if (timeout := getattr(node, "timeout_ms", None)) is not None:
        found.append(f"at most {timeout:,} ms")
    retries = getattr(node, "retries", None)
    if retries is not None and retries.attempts > 1:
        found.append(f"up to {retries.attempts} attempts")
    if node.on_error != "fail":
        found.append(f"on error: {node.fallback or node.on_error}")
    return found


def _said(edge: Edge) -> str:
    if edge.kind == "data":
        return f"{edge.source} gives {edge.target} its {edge.label}"
    if edge.kind == "after":
        return f"{edge.target} follows {edge.source}"
    if edge.kind == "fallback":
        return f"{edge.target} stands in for {edge.source}"
    return f"{edge.source} leads to {edge.target}: {edge.label}"
