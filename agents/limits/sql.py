"""Statements of the checks: on the native pool, under the tenant's role, for the limited only."""

from agents.limits.models import EVERYBODY

# Starts under an exact limit pass one by one, over all processes, until the transaction of each
# ends: whoever waits here sees the run of whoever was before. A window is a minute of the clock;
# it never goes back, although a transaction's time may be from before it waited.
TAKE = """
SET LOCAL lock_timeout = %(lock_milliseconds)s;
INSERT INTO limits_startwindow AS w (member_id, minute, runs)
SELECT whose, floor(extract(epoch FROM clock_timestamp()) / 60)::bigint, 1
FROM unnest(%(whose)s::bigint[]) whose ORDER BY whose
ON CONFLICT (member_id) DO UPDATE SET
    runs = CASE WHEN w.minute >= EXCLUDED.minute THEN w.runs + 1 ELSE 1 END,
    minute = GREATEST(w.minute, EXCLUDED.minute)
RETURNING member_id, runs
"""

# Waiting and held runs have an index each; no more are read than the limit asks about.
_LIVE_OF = """(
    SELECT count(*) FROM (
        SELECT 1 FROM public.tickets_ticket WHERE schema = %(schema)s AND owner = '' {member}
        LIMIT %(most_live)s
    ) waiting
) + (
    SELECT count(*) FROM (
        SELECT 1 FROM public.tickets_ticket WHERE schema = %(schema)s AND owner <> '' {member}
        LIMIT %(most_live)s
    ) held
)"""
LIVE = f"""
SELECT {EVERYBODY}::bigint, {_LIVE_OF.format(member="")}
WHERE {EVERYBODY} = ANY(%(live)s::bigint[])
UNION ALL
SELECT %(member_id)s::bigint, {_LIVE_OF.format(member="AND member_id = %(member_id)s")}
WHERE %(member_id)s = ANY(%(live)s::bigint[])
"""

# A sum over the month's days of one or two members: some hundred rows at the most.
SPENT = """
SELECT member_id,
    COALESCE(sum(input_tokens + output_tokens) FILTER (WHERE day = today), 0)::bigint,
    COALESCE(sum(input_tokens + output_tokens), 0)::bigint,
    COALESCE(sum(cost) FILTER (WHERE day = today), 0),
    COALESCE(sum(cost), 0)
FROM limits_usage, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) clock
WHERE member_id = ANY(%(spending)s::bigint[]) AND day >= date_trunc('month', today)::date
GROUP BY member_id
"""
