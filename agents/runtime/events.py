"""Events of a run: made in one place, the same whether live or read back from the journal.

An event's id is `<position>.<n>`: the run's journal position, then for a piece of a message the
number of characters sent so far, else a small ordinal. Ids therefore say exactly what a client has.
The runs of a tree share the positions of their root, and so one stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson


class Cursor(NamedTuple):
    """How far a follower has read: everything up to this id, inclusive, but for what is `open`.

    `open`: messages begun before this place that still grow, each as (position, characters had).
    Only where child runs speak at the same time is there any.
    """

    position: int
    n: int
    open: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, raw: str | None) -> Cursor:
        """From a Last-Event-ID; anything that is no id means "from the beginning"."""
        first, *others = [_place(part) for part in (raw or "").split("~", _MOST_OPEN)]
        growing = tuple(place for place in others if place is not None)
        if first is None or len(growing) < len(others):
            return cls(0, -1)
        return cls(*first, growing)

    @classmethod
    def of(cls, parts: Sequence[Any]) -> Cursor:
        """From the list that JSON makes of a cursor."""
        position, n, *growing = parts
        return cls(position, n, tuple((at, had) for at, had in (growing[0] if growing else ())))

    @property
    def id(self) -> str:
        """`<position>.<n>`, and `~<position>.<n>` for each open message."""
        if not self.open:
            return f"{self.position}.{self.n}"
        return "~".join(f"{at}.{had}" for at, had in ((self.position, self.n), *self.open))


def _place(text: str) -> tuple[int, int] | None:
    position, _, n = text.partition(".")
    if position.isdecimal() and n.isdecimal() and len(position) < 12 and len(n) < 12:
        return int(position), int(n)
    return None


_MOST_OPEN = 500


START = Cursor(0, -1)


@dataclass(frozen=True, slots=True)
class Source:
    """Which run speaks: the fields every event carries."""

    run_id: str
    parent_run_id: str | None
    component: dict[str, Any]
    depth: int = 0


@dataclass(slots=True)
class Event:
    cursor: Cursor
    type: str
    data: dict[str, Any]

    @property
    def id(self) -> str:
        return self.cursor.id

    def at(self, cursor: Cursor) -> Event:
        """The same event as it is told to a follower who is then at this place."""
        return Event(cursor, self.type, {**self.data, "id": cursor.id})

    def sse(self) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (
            self.id.encode(),
            self.type.encode(),
            orjson.dumps(self.data),
        )

    def json(self) -> bytes:
        return orjson.dumps(self.data)


def iso(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with Z."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def make(source: Source, cursor: Cursor, kind: str, at: datetime | None, **fields: Any) -> Event:
    data: dict[str, Any] = {
        "id": cursor.id,
        "type": kind,
        "run_id": source.run_id,
        "parent_run_id": source.parent_run_id,
        "depth": source.depth,
        "component": source.component,
        "at": iso(at),
    }
    data.update(fields)
    return Event(cursor, kind, data)
