"""The graphs that both sides run: layers of nodes that take a while, each layer after the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """`layers` times `wide` nodes that take `ms` each, and after every layer one that joins it."""

    name: str
    wide: int
    layers: int
    ms: int

    @property
    def nodes(self) -> int:
        return (self.wide + 1) * self.layers

    @property
    def critical_ms(self) -> int:
        return self.layers * self.ms


PATH = Shape("path", wide=1, layers=1, ms=100)
"""The critical path of the wide one, by itself."""
SHAPES = (
    Shape("wide", wide=50, layers=1, ms=100),
    Shape("deep", wide=1, layers=25, ms=10),
    Shape("large", wide=49, layers=10, ms=100),
)


def graph(shape: Shape) -> dict[str, Any]:
    """The same as a workflow's graph."""
    nodes: list[dict[str, Any]] = []
    for layer in range(shape.layers):
        names = [f"n{layer}_{index}" for index in range(shape.wide)]
        after = [f"join{layer - 1}"] if layer else []
        nodes += [
            {
                "id": name,
                "kind": "tool",
                "tool": "nap",
                "args": {"ms": {"value": shape.ms}},
                "after": after,
            }
            for name in names
        ]
        nodes.append(
            {
                "id": f"join{layer}",
                "kind": "transform",
                "args": {name: name for name in names},
                "set": {"done": str(len(names))},
            }
        )
    last = f"join{shape.layers - 1}.done"
    return {"nodes": nodes, "limits": {"concurrency": 50}, "result": {"done": last}}
