"""Counting what a run used: the part of the run's last statement that does it.

It takes no parameter and no round trip of its own, and counts exactly when the run's end is
recorded: once, whichever process does that.
"""

from __future__ import annotations

from agents.limits.models import EVERYBODY

SLOTS = 16

# A CTE that follows `run`, which gives the ended run's row if it was this owner's to end. The rows
# are always written in this order, so that two ends of the same slot can't wait for each other.
USAGE = f"""usage AS (
    INSERT INTO limits_usage AS u (
        member_id, day, kind, slug, slot, runs, input_tokens, output_tokens, cost)
    SELECT who.member_id, (run.finished_at AT TIME ZONE 'UTC')::date, who.kind, who.slug,
        pg_backend_pid() %% {SLOTS}, 1, run.input_tokens, run.output_tokens, COALESCE(run.cost, 0)
    FROM run CROSS JOIN LATERAL (
        VALUES ({EVERYBODY}::bigint, '', ''), (run.member_id, run.kind, run.slug)
    ) who (member_id, kind, slug)
    ON CONFLICT (member_id, day, kind, slug, slot) DO UPDATE SET
        runs = u.runs + 1, input_tokens = u.input_tokens + EXCLUDED.input_tokens,
        output_tokens = u.output_tokens + EXCLUDED.output_tokens, cost = u.cost + EXCLUDED.cost
)"""
USAGE_TAKES = "member_id, kind, slug, input_tokens, output_tokens, cost"
