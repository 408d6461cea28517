"""Run and session identifiers: UUID version 7, so that newer ones sort after older ones."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import datetime
from uuid import UUID


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562, version 7): 48 bits of milliseconds, then random."""
    return _version_7(time.time_ns() // 1_000_000, secrets.randbits(80))


def uuid7_under(parent: UUID, name: str) -> UUID:
    """The version 7 UUID of the thing of this name that belongs to `parent`: always the same one.

    It has the parent's milliseconds, and so sorts beside it.
    """
    drawn = hashlib.blake2b(name.encode(), digest_size=10, key=parent.bytes).digest()
    return _version_7(parent.int >> 80, int.from_bytes(drawn, "big"))


def _version_7(milliseconds: int, drawn: int) -> UUID:
    value = (milliseconds & ((1 << 48) - 1)) << 80 | drawn
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def uuid7_floor(moment: datetime) -> UUID:
    """The least version 7 UUID of an aware moment: ids made from then on are not below it.

    A list by time so reads a range of the primary key. Clocks of several machines differ, and the
    database's own is another: leave room on both sides and compare the time itself as well.
    """
    milliseconds = max(0, min(int(moment.timestamp() * 1000), (1 << 48) - 1))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)
