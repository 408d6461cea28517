"""Sealing: entries that are committed become links of the chain. One sealer a tenant at a time.

Entries are written by many transactions at once and become visible in any order, so a link's place
is the order in which the sealer saw them, not their id. What it has to look through is kept short
by the floor: an id below which no transaction can still commit an entry.
"""

from __future__ import annotations

import hmac
import logging
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from approvals.audit import chain
from approvals.audit.keys import KeyGone, Keys, newest_key
from tenants.context import current_tenant
from tenants.template import TEMPLATE_SCHEMA

log = logging.getLogger(__name__)

# First half of the lock's key: nobody else's advisory locks have it.
_SPACE = 0x41554454
_MOST = 2000  # links made in one transaction
# Between drawing its id and having a transaction id of its own, an insert takes microseconds.
SETTLE_SECONDS = 5.0

_HEAD = """
SELECT seq, hash, sealed_at, key_id, signature, floor, next_floor, next_xmax,
    extract(epoch FROM clock_timestamp() - next_at)::float8
FROM approvals_audithead WHERE id = 1
"""
_LAST = """
SELECT seq, hash, floor FROM approvals_auditseal
UNION ALL SELECT seq, hash, floor FROM approvals_auditcheckpoint ORDER BY seq DESC LIMIT 1
"""
_PENDING = f"""
SELECT e.id, {chain.SAID} FROM approvals_auditentry e
LEFT JOIN approvals_auditseal s ON s.entry_id = e.id
WHERE e.id > %s AND s.entry_id IS NULL ORDER BY e.id LIMIT %s
"""
_NOW = """
SELECT clock_timestamp(), pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
    (SELECT COALESCE(max(id), 0) FROM approvals_auditentry)
FROM pg_current_snapshot() s
"""
_SEAL = """
INSERT INTO approvals_auditseal (seq, entry_id, sealed_at, floor, key_id, hash)
SELECT l.seq, l.entry_id, %s, %s, %s, l.hash
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) l (seq, entry_id, hash)
"""
_KEEP_HEAD = """
INSERT INTO approvals_audithead (id, seq, hash, sealed_at, key_id, signature, floor, next_floor,
    next_at, next_xmax)
VALUES (1, %(seq)s, %(hash)s, %(sealed_at)s, %(key_id)s, %(signature)s, %(floor)s,
    %(next_floor)s, clock_timestamp(), %(next_xmax)s)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash,
    sealed_at = excluded.sealed_at, key_id = excluded.key_id, signature = excluded.signature,
    floor = excluded.floor, next_xmax = excluded.next_xmax, next_floor = excluded.next_floor,
    next_at = CASE WHEN approvals_audithead.next_floor IS NOT DISTINCT FROM excluded.next_floor
        THEN approvals_audithead.next_at ELSE excluded.next_at END
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """`links` were made. `again`: there is more, or another sealer was at it."""

    links: int
    again: bool


@dataclass(slots=True)
class _Head:
    seq: int = 0
    hash: bytes = chain.GENESIS
    sealed_at: datetime | None = None
    floor: int = 0
    next_floor: int | None = None
    next_xmax: int | None = None
    next_age: float = 0.0


def lock(cursor: Any, *, wait: bool) -> bool:
    """The active tenant's right to seal and prune, until the transaction ends."""
    key = zlib.crc32(current_tenant().schema.encode()) - (1 << 31)
    ask = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    cursor.execute(f"SELECT {ask}(%s, %s)", [_SPACE, key])
    return cursor.fetchone()[0] is not False


def seal_pending(
    *, whole: bool = False, wait: bool = False, settle: float = SETTLE_SECONDS
) -> Sealed:
    """Make links of what the active tenant has unsealed, up to 2,000.

    `whole`: look below the floor as well, where nothing can be but by hand. Raises KeyGone.
    The template for new tenants has no chain: its links would be copied, and prove nothing there.
    """
    if current_tenant().schema == TEMPLATE_SCHEMA:
        return Sealed(0, False)
    with transaction.atomic(), connection.cursor() as cursor:
        if not lock(cursor, wait=wait):
            return Sealed(0, True)
        key_id, key = newest_key()
        head, known = _head(cursor)
        # Who is at work is asked first: whoever is done by then, the next statement sees.
        cursor.execute(_NOW)
        now, xmin, xmax, last_id = cursor.fetchone()
        cursor.execute(_PENDING, [0 if whole else head.floor, _MOST])
        pending = cursor.fetchall()
        sealed_at = max(now, head.sealed_at) if head.sealed_at else now
        floor = head.floor
        seqs, hashes = [], []
        for entry_id, said in pending:
            head.seq += 1
            head.hash = chain.link(
                key, head.hash, head.seq, entry_id, sealed_at, floor, key_id, said
            )
            seqs.append(head.seq)
            hashes.append(head.hash)
        if pending:
            entries = [entry_id for entry_id, _ in pending]
            cursor.execute(_SEAL, [sealed_at, floor, key_id, seqs, entries, hashes])
        more = len(pending) == _MOST
        rises = not more and _raise_floor(head, xmin, xmax, last_id, settle)
        if pending or rises or not known:
            _keep(cursor, head, sealed_at, key_id, key)
    return Sealed(len(pending), more)


def seal_all(*, whole: bool = False) -> int:
    """Seal until nothing is left; waits for another sealer. Returns how many links were made."""
    made = 0
    while (sealed := seal_pending(whole=whole, wait=True)).again:
        made += sealed.links
    return made + sealed.links


def _head(cursor: Any) -> tuple[_Head, bool]:
    """Where the chain ends, and whether the head's row says so.

    A head that is gone or not ours must not be made up from the last link that is left: the number
    after that one is left out, so that the gap stays to be seen.
    """
    cursor.execute(_HEAD)
    row = cursor.fetchone()
    if row is not None:
        seq, last, sealed_at, key_id, signature, floor = row[:6]
        if signed_by_us(seq, bytes(last), sealed_at, floor, key_id, bytes(signature)):
            return _Head(seq, bytes(last), sealed_at, floor, row[6], row[7], row[8] or 0.0), True
    cursor.execute(_LAST)
    found = cursor.fetchone()
    if found is None and row is None:
        return _Head(), False
    log.error("%s: the head of the audit log was tampered with", current_tenant().schema)
    seq, last, floor = found or (0, chain.GENESIS, 0)
    return _Head(seq + 1, bytes(last), None, floor), False


def signed_by_us(
    seq: int, last: bytes, sealed_at: datetime, floor: int, key_id: int, signature: bytes
) -> bool:
    try:
        key = Keys()[key_id]
    except KeyGone:
        return False
    expected = chain.head_signature(key, seq, last, sealed_at, floor, key_id)
    return hmac.compare_digest(expected, signature)


def _raise_floor(head: _Head, xmin: int, xmax: int, last_id: int, settle: float) -> bool:
    """Three looks: note the last id; later, who is at work; once those are done, rise to it.

    Whoever drew an id up to the noted one was at work by the second look, and is done by the third.
    """
    if head.next_floor is None:
        if last_id <= head.floor:
            return False
        head.next_floor = last_id
    elif head.next_xmax is None:
        if head.next_age < settle:
            return False
        head.next_xmax = xmax
    elif xmin >= head.next_xmax:
        head.floor, head.next_floor, head.next_xmax = head.next_floor, None, None
    else:
        return False
    return True


def _keep(cursor: Any, head: _Head, sealed_at: datetime, key_id: int, key: bytes) -> None:
    signature = chain.head_signature(key, head.seq, head.hash, sealed_at, head.floor, key_id)
    cursor.execute(
        _KEEP_HEAD,
        {
            "seq": head.seq,
            "hash": head.hash,
            "sealed_at": sealed_at,
            "key_id": key_id,
            "signature": signature,
            "floor": head.floor,
            "next_floor": head.next_floor,
            "next_xmax": head.next_xmax,
        },
    )
