"""Forgetting old entries without breaking the proof: a signed checkpoint stands for them."""

from __future__ import annotations

import collections
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from approvals.audit import chain
from approvals.audit.keys import Keys, newest_key
from approvals.audit.models import AuditCheckpoint
from approvals.audit.seal import lock
from approvals.audit.verify import Report, checkpoints, walk
from tenants import happened
from tenants.context import current_tenant

_CHUNK = 5000  # entries deleted in one transaction

# The last link before the first one whose entry is to stay.
_UNTIL = """
SELECT COALESCE(
    (SELECT min(s.seq) - 1 FROM approvals_auditseal s
     JOIN approvals_auditentry e ON e.id = s.entry_id WHERE e.at >= %(before)s),
    (SELECT max(seq) FROM approvals_auditseal))
"""
_SPAN = """
SELECT count(*), min(e.at), max(e.at) FROM approvals_auditseal s
JOIN approvals_auditentry e ON e.id = s.entry_id WHERE s.seq > %s AND s.seq <= %s
"""
_DELETE = """
WITH old AS (SELECT seq, entry_id FROM approvals_auditseal WHERE seq <= %s ORDER BY seq LIMIT %s)
DELETE FROM approvals_auditentry e USING old WHERE e.id = old.entry_id
"""
_UNLINK = """
DELETE FROM approvals_auditseal WHERE seq IN (
    SELECT seq FROM approvals_auditseal WHERE seq <= %s ORDER BY seq LIMIT %s)
"""


class NotPruned(Exception):
    """What was to be pruned doesn't prove: it is evidence and stays. `report` says what is wrong"""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.schema}: {report.findings[0]}")
        self.report = report


def prune(before: datetime | None = None) -> int:
    """Delete the active tenant's entries from `before` that moment; how many they were.

    Without one, those older than AUDIT_RETENTION_DAYS, if that is not 0.

    Proves them first, and writes a checkpoint that the database asks for before it lets a row go.
    May be stopped and repeated. Raises NotPruned and KeyGone.
    """
    if before is None and settings.AUDIT_RETENTION_DAYS > 0:
        before = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    pruned = _checkpoint(before) if before is not None else 0
    _sweep()
    return pruned


def _checkpoint(before: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        lock(cursor, wait=True)
        report, keys = Report(current_tenant().schema), Keys()
        place = checkpoints(report, keys)
        start = place.seq
        last = AuditCheckpoint.objects.order_by("-seq").first()
        signed_before = bytes(last.signature) if last else chain.GENESIS
        cursor.execute(_UNTIL, {"before": before})
        (until,) = cursor.fetchone()
        if until is None or until <= start:
            if not report.ok:
                raise NotPruned(report)
            return 0
        collections.deque(walk(cursor, report, keys, place, until), maxlen=0)
        if not report.ok:
            raise NotPruned(report)
        cursor.execute(_SPAN, [start, until])
        entries, oldest, newest = cursor.fetchone()
        key_id, key = newest_key()
        made_at = timezone.now()
        AuditCheckpoint.objects.create(
            seq=until,
            hash=place.hash,
            floor=place.floor,
            entries=entries,
            oldest_at=oldest,
            newest_at=newest,
            made_at=made_at,
            key_id=key_id,
            signature=chain.checkpoint_signature(
                key,
                until,
                place.hash,
                place.floor,
                entries,
                (oldest, newest, made_at),
                key_id,
                signed_before,
            ),
        )
        happened.tell(
            "audit.pruned",
            target=("audit", until, f"links up to {until}"),
            detail={"entries": entries, "oldest": oldest, "newest": newest},
        )
    return int(entries)


def _sweep() -> None:
    """Delete what checkpoints stand for, some at a time."""
    last = AuditCheckpoint.objects.order_by("-seq").values_list("seq", flat=True).first()
    while last is not None:
        with transaction.atomic(), connection.cursor() as cursor:
            lock(cursor, wait=True)
            cursor.execute(_DELETE, [last, _CHUNK])
            cursor.execute(_UNLINK, [last, _CHUNK])
            if cursor.rowcount < _CHUNK:
                return
