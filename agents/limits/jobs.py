"""What the cluster does with counted usage: days that are over are folded, old ones forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from agents.limits.models import Usage
from tenants.every import in_every_tenant

# A day is left alone until every end that was being recorded at midnight is.
_LATE = timedelta(hours=1)

# Slot 0 is not among the rows taken, so no row is deleted and written by the same statement.
_FOLD = """
WITH taken AS (
    DELETE FROM limits_usage WHERE slot <> 0 AND day < %(today)s
    RETURNING member_id, day, kind, slug, runs, input_tokens, output_tokens, cost
)
INSERT INTO limits_usage AS u (
    member_id, day, kind, slug, slot, runs, input_tokens, output_tokens, cost)
SELECT member_id, day, kind, slug, 0, sum(runs), sum(input_tokens), sum(output_tokens), sum(cost)
FROM taken GROUP BY member_id, day, kind, slug
ON CONFLICT (member_id, day, kind, slug, slot) DO UPDATE SET
    runs = u.runs + EXCLUDED.runs, input_tokens = u.input_tokens + EXCLUDED.input_tokens,
    output_tokens = u.output_tokens + EXCLUDED.output_tokens, cost = u.cost + EXCLUDED.cost
"""
# Nobody counts in a minute that is over.
_FORGET_WINDOWS = """
DELETE FROM limits_startwindow
WHERE minute < floor(extract(epoch FROM now()) / 60)::bigint - 60
"""


def fold_usage() -> int:
    """Make one row of each past day's, forget use older than USAGE_DAYS; how many were forgotten.

    Idempotent; every tenant in turn.
    """
    day = (datetime.now(UTC) - _LATE).date()

    def fold() -> int:
        with connection.cursor() as cursor:
            cursor.execute(_FOLD, {"today": day})
            cursor.execute(_FORGET_WINDOWS)
        oldest = day - timedelta(days=settings.USAGE_DAYS)
        return int(Usage.objects.filter(day__lt=oldest).delete()[0])

    return sum(in_every_tenant(fold))
