"""What a link of the chain is: an HMAC-SHA256 over the link before it and an entry's bytes.

Bytes are the same whoever reads them: each column as Postgres writes it as text, with its length
before it, and times as microseconds since 1970, so that no setting of a session changes them.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NULL = b"\xff\xff\xff\xff"

# The columns of an entry `e`, as an array of texts.
SAID = """ARRAY[
    e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.actor_id::text, e.actor_name,
    e.via, e.credential, e.action, e.target_type, e.target_id, e.target_name, e.before::text,
    e.after::text, e.detail::text, e.address, e.trace_id, e.run_id::text, e.result]"""


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def entry_bytes(said: Sequence[str | None]) -> bytes:
    parts = []
    for value in said:
        data = value.encode() if value is not None else b""
        parts.append(_NULL if value is None else struct.pack(">I", len(data)) + data)
    return b"".join(parts)


def link(
    key: bytes,
    before: bytes,
    seq: int,
    entry_id: int,
    sealed_at: datetime,
    floor: int,
    key_id: int,
    said: Sequence[str | None],
) -> bytes:
    """The hash of link `seq`, which follows the one whose hash is `before`."""
    numbers = struct.pack(">5q", seq, entry_id, microseconds(sealed_at), floor, key_id)
    return _mac(key, b"concord audit link 1", numbers, before, entry_bytes(said))


def head_signature(
    key: bytes, seq: int, last: bytes, sealed_at: datetime, floor: int, key_id: int
) -> bytes:
    numbers = struct.pack(">4q", seq, microseconds(sealed_at), floor, key_id)
    return _mac(key, b"concord audit head 1", numbers, last)


def checkpoint_signature(
    key: bytes,
    seq: int,
    last: bytes,
    floor: int,
    entries: int,
    moments: tuple[datetime, datetime, datetime],
    key_id: int,
    before: bytes,
) -> bytes:
    """`moments`: the oldest and the newest entry's, and when it is made. `before`: the signature
    of the checkpoint before, GENESIS for the first.
    """
    times = [microseconds(moment) for moment in moments]
    numbers = struct.pack(">7q", seq, floor, entries, *times, key_id)
    return _mac(key, b"concord audit checkpoint 1", numbers, last, before)


def _mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, b"\x00".join(parts), sha256)
