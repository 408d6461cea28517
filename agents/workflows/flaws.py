"""What is wrong with a workflow, each with its place: in the spec, and in the text it came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

Path = tuple[str | int, ...]
"""The way to a place in a spec: ("nodes", 3, "args", "text")."""
KEY = (0, 0)
"""As the place within a value: its key is what is wrong."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """`node` is the way of ids to the node it is in, `outer/inner`, or "". `line` and `column`
    count from 1, 0 where there is no text. `inside` is a place within a value, an expression's.
    """

    path: Path
    message: str
    node: str = ""
    line: int = 0
    column: int = 0
    inside: tuple[int, int] = (1, 1)

    def __str__(self) -> str:
        where = f"Line {self.line}, column {self.column}: " if self.line else ""
        who = f"{self.node}: " if self.node else ""
        return f"{where}{who}{self.message}"

    @property
    def place(self) -> str:
        """The path as text: `nodes[3].args.text`."""
        shown = ""
        for part in self.path:
            shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
        return shown

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "column": self.column,
            "node": self.node,
            "place": self.place,
            "message": self.message,
        }

    def as_error(self) -> dict[str, Any]:
        """As the errors of a problem are: `{loc, msg, node}`."""
        return {"loc": list(self.path), "msg": self.message, "node": self.node}


def sorted_flaws(flaws: Iterable[Flaw]) -> list[Flaw]:
    """In the order of the text, each once."""
    return sorted(dict.fromkeys(flaws), key=lambda one: (one.line, one.column, one.message))


def with_node(flaw: Flaw, spec: Any) -> Flaw:
    """The flaw with the ids of the nodes that its path leads through."""
    ids: list[str] = []
    at = spec
    for part in flaw.path:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(part, int) and isinstance(at, dict) and isinstance(at.get("id"), str):
            ids.append(at["id"])
    return replace(flaw, node="/".join(ids)) if ids else flaw


def sentence(flaws: Sequence[Flaw], most: int = 20) -> str:
    """The first of them as one text, for messages without a list."""
    more = f" And {len(flaws) - most} more." if len(flaws) > most else ""
    return " ".join(str(flaw) for flaw in flaws[:most]) + more
