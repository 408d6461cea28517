"""Events of a run: made in one place, the same whether live or read back from the journal.

An event's id is `<position>.<n>`: the run's journal position, then for a piece of a message the
number of characters sent so far, else a small ordinal. Ids therefore say exactly what a client has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson


class Cursor(NamedTuple):
    """How far a follower has read: everything up to this id, inclusive."""

    position: int
    n: int

    @classmethod
    def parse(cls, raw: str | None) -> Cursor:
        """From a Last-Event-ID; anything that is no id means "from the beginning"."""
        position, _, n = (raw or "").partition(".")
        if position.isdecimal() and n.isdecimal() and len(position) < 12 and len(n) < 12:
            return cls(int(position), int(n))
        return cls(0, -1)


START = Cursor(0, -1)


@dataclass(frozen=True, slots=True)
class Source:
    """Which run speaks: the fields every event carries."""

    run_id: str
    parent_run_id: str | None
    component: dict[str, Any]


@dataclass(slots=True)
class Event:
    cursor: Cursor
    type: str
    data: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.cursor.position}.{self.cursor.n}"

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
        "id": f"{cursor.position}.{cursor.n}",
        "type": kind,
        "run_id": source.run_id,
        "parent_run_id": source.parent_run_id,
        "component": source.component,
        "at": iso(at),
    }
    data.update(fields)
    return Event(cursor, kind, data)
