"""Proving the chain: every link is made again from its entry, and whatever doesn't fit is named.

What is found: an entry that was changed, deleted, or put in behind others; links that are missing,
moved or made without the key; a tail that was cut off; a checkpoint that isn't ours. What can't be
found from the inside is a log that was put back whole to how it was once: for that, keep a head
(number and hash) elsewhere, and ask whether the chain still contains it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from approvals.audit import chain
from approvals.audit.keys import KeyGone, Keys
from approvals.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from approvals.audit.seal import lock, seal_all, signed_by_us
from tenants.context import current_tenant

_PAGE = 2000
_MOST_FINDINGS = 50
# A transaction that writes an entry first and commits it last may take as long.
_LATE = timedelta(hours=1)

_LINKS = f"""
SELECT s.seq, s.entry_id, s.sealed_at, s.floor, s.key_id, s.hash, e.id, e.at, {chain.SAID}
FROM approvals_auditseal s LEFT JOIN approvals_auditentry e ON e.id = s.entry_id
WHERE s.seq > %s ORDER BY s.seq LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What doesn't fit, and where: a link's number, an entry's id, or neither."""

    what: str
    seq: int | None = None
    entry_id: int | None = None

    def __str__(self) -> str:
        at = f"link {self.seq}: " if self.seq is not None else ""
        return f"{at}{self.what}"


@dataclass(slots=True)
class Report:
    """`entries` were proven, those of links `first` to `last`. `head`: the last link's hash."""

    schema: str
    entries: int = 0
    first: int = 0
    last: int = 0
    head: str = ""
    pruned_to: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings

    def found(self, what: str, seq: int | None = None, entry_id: int | None = None) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(what, seq, entry_id))
        else:
            self.more += 1


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was kept elsewhere."""

    seq: int
    hash: str


@dataclass(slots=True)
class Place:
    """Where a walk along the chain stands."""

    seq: int = 0
    hash: bytes = chain.GENESIS
    floor: int = 0
    sealed_at: datetime | None = None
    batch_before: datetime | None = None


def verify(anchor: Anchor | None = None) -> Report:
    """Seal what is pending, then prove the active tenant's whole chain. Nothing is pruned or sealed
    meanwhile; entries may be written. Reads everything: seconds for a hundred thousand entries.
    """
    report = Report(current_tenant().schema)
    try:
        seal_all(whole=True)
    except KeyGone as gone:
        report.found(f"nothing can be sealed: {gone}")
    keys = Keys()
    with transaction.atomic(), connection.cursor() as cursor:
        lock(cursor, wait=True)
        place = checkpoints(report, keys)
        report.pruned_to = place.seq
        anchored = anchor is None or _same(anchor, place)
        for here in walk(cursor, report, keys, place):
            anchored = anchored or (anchor is not None and _same(anchor, here))
        _check_head(report, place)
    if not anchored and anchor is not None:
        report.found(f"the chain does not contain {anchor.seq}:{anchor.hash}", anchor.seq)
    report.last, report.head = place.seq, place.hash.hex()
    return report


def _same(anchor: Anchor, place: Place) -> bool:
    return anchor.seq == place.seq and hmac.compare_digest(anchor.hash, place.hash.hex())


def checkpoints(report: Report, keys: Keys) -> Place:
    """Where the chain begins now: after the last checkpoint that is ours."""
    place, before = Place(), chain.GENESIS
    for point in AuditCheckpoint.objects.order_by("seq"):
        moments = (point.oldest_at, point.newest_at, point.made_at)
        last = bytes(point.hash)
        try:
            expected = chain.checkpoint_signature(
                keys[point.key_id],
                point.seq,
                last,
                point.floor,
                point.entries,
                moments,
                point.key_id,
                before,
            )
        except KeyGone as gone:
            report.found(f"the checkpoint can't be proven: {gone}", point.seq)
            expected = b""
        if expected and not hmac.compare_digest(expected, bytes(point.signature)):
            report.found("the checkpoint was not made with our key", point.seq)
        before = bytes(point.signature)
        place = Place(point.seq, last, point.floor)
    return place


def walk(
    cursor: Any, report: Report, keys: Keys, place: Place, until: int | None = None
) -> Iterator[Place]:
    """Prove link after link from `place` on (to link `until`); `place` moves along and is yielded.

    After a link that doesn't fit, it goes on with the hash that is written there, so that one
    change is one finding.
    """
    report.first = place.seq + 1
    while True:
        cursor.execute(_LINKS, [place.seq, _PAGE])
        links = cursor.fetchall()
        for row in links:
            if until is not None and row[0] > until:
                return
            _prove(report, keys, place, row)
            yield place
        if len(links) < _PAGE:
            return


def _prove(report: Report, keys: Keys, place: Place, row: tuple[Any, ...]) -> None:
    seq, entry_id, sealed_at, floor, key_id, written, found, at, said = row
    if seq != place.seq + 1:
        first, last = place.seq + 1, seq - 1
        missing = f"link {first} is missing" if first == last else f"{first} to {last} are missing"
        report.found(f"{missing} before it", seq)
    elif found is None:
        report.found(f"its entry {entry_id} was deleted", seq, entry_id)
    else:
        try:
            expected = chain.link(
                keys[key_id], place.hash, seq, entry_id, sealed_at, floor, key_id, said
            )
        except KeyGone as gone:
            report.found(f"it can't be proven: {gone}", seq, entry_id)
        else:
            if not hmac.compare_digest(expected, bytes(written)):
                report.found(
                    f"entry {entry_id} or the link was changed: the hash is another", seq, entry_id
                )
            else:
                report.entries += 1
    if place.sealed_at is not None and sealed_at != place.sealed_at:
        place.batch_before = place.sealed_at
    if found is not None:
        if entry_id <= max(floor, place.floor):
            report.found(f"entry {entry_id} was put in among older ones by hand", seq, entry_id)
        elif place.batch_before is not None and at < place.batch_before - _LATE:
            report.found(f"entry {entry_id} is dated back to {at:%Y-%m-%d %H:%M}", seq, entry_id)
    place.seq, place.hash, place.sealed_at = seq, bytes(written), sealed_at
    place.floor = max(place.floor, floor)


def _check_head(report: Report, place: Place) -> None:
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        if place.seq or AuditEntry.objects.exists():
            report.found("the head is gone: whether the end was cut off can't be told")
        return
    ours = head.sealed_at is not None and signed_by_us(
        head.seq, bytes(head.hash), head.sealed_at, head.floor, head.key_id, bytes(head.signature)
    )
    if not ours:
        report.found("the head was not made with our key")
    elif head.seq > place.seq:
        report.found(f"{place.seq + 1} to {head.seq} are missing at the end", head.seq)
    elif head.seq < place.seq:
        report.found(f"links after {head.seq} are not ours", place.seq)
    elif not hmac.compare_digest(bytes(head.hash), place.hash):
        report.found("the last link is not the one that the head names", place.seq)
