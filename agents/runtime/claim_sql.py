"""Claiming tickets: who is next, fairly between tenants and within their limits.

Both statements run on the shared path, in one transaction: SERIALISE, then CLAIM, whose snapshot is
taken when the lock is held. What they cost grows with the tenants that wait and the slots asked
for, never with the length of a queue: docs/decisions has the plan.
"""

# Limits count what is held, so two claims at the same time would each see room for the same run.
# Without a limit anywhere nobody waits here: SKIP LOCKED is enough.
SERIALISE = """
SELECT pg_advisory_xact_lock(%(lock)s)
WHERE %(tenant_limit)s > 0 OR %(member_limit)s > 0 OR EXISTS (
    SELECT 1 FROM public.tenants_tenant
    WHERE max_concurrent_runs > 0 OR max_concurrent_runs_per_member > 0)
"""

# A loose index scan: one probe for each tenant that waits, however much it has waiting.
_WAITING = """
waiting (schema) AS (
    (SELECT schema FROM public.tickets_ticket WHERE owner = '' ORDER BY schema LIMIT 1)
    UNION ALL
    SELECT (SELECT t.schema FROM public.tickets_ticket t
            WHERE t.owner = '' AND t.schema > w.schema ORDER BY t.schema LIMIT 1)
    FROM waiting w WHERE w.schema IS NOT NULL
)
"""

# What each tenant holds, and how many more it may be given now. A share of the slots asked for is
# enough for one look: whoever has room looks again.
_TENANT = """
tenant AS MATERIALIZED (
    SELECT w.schema, held.runs AS held, lim.per_member,
        LEAST(CASE WHEN lim.runs > 0 THEN GREATEST(lim.runs - held.runs, 0) END,
              CEIL(2.0 * %(limit)s / count(*) OVER ())::bigint) AS room
    FROM waiting w
    JOIN public.tenants_tenant t ON t.schema_name = w.schema AND t.state = 'active'
    CROSS JOIN LATERAL (
        SELECT COALESCE(t.max_concurrent_runs, %(tenant_limit)s) AS runs,
            COALESCE(t.max_concurrent_runs_per_member, %(member_limit)s) AS per_member
    ) lim
    CROSS JOIN LATERAL (
        SELECT count(*) AS runs FROM public.tickets_ticket h
        WHERE h.schema = w.schema AND h.owner <> ''
    ) held
)
"""

# The oldest of a tenant without a limit for members.
_IN_ORDER = """
SELECT tenant.schema, tenant.held + q.rank AS turn, q.run_id
FROM tenant CROSS JOIN LATERAL (
    SELECT run_id, row_number() OVER (ORDER BY priority DESC, created_at) AS rank
    FROM public.tickets_ticket
    WHERE schema = tenant.schema AND owner = '' AND not_before <= now()
    ORDER BY priority DESC, created_at LIMIT tenant.room
) q
WHERE tenant.per_member = 0
"""

# With a limit for members: what each member that waits may have, oldest first. At most so many
# members are looked at that some are below their limit if any are; from a random one on, round the
# ring, so that nobody is always beyond the last one looked at.
_WAITING_MEMBER = """
SELECT member_id FROM public.tickets_ticket
WHERE schema = tenant.schema AND owner = '' {condition} ORDER BY member_id {order} LIMIT 1
"""
_FIRST_MEMBER = _WAITING_MEMBER.format(condition="", order="")
_BY_MEMBER = f"""
SELECT tenant.schema, tenant.held + q.rank AS turn, q.run_id
FROM tenant CROSS JOIN LATERAL (
    WITH RECURSIVE ends (first, last) AS (
        SELECT ({_FIRST_MEMBER}), ({_WAITING_MEMBER.format(condition="", order="DESC")})
    ), begin (place) AS MATERIALIZED (
        SELECT first + floor(random() * (last - first + 1))::bigint FROM ends
    ), member (id, start, seen) AS (
        SELECT b.id, b.id, 1::bigint FROM begin CROSS JOIN LATERAL (
            SELECT COALESCE(
                ({_WAITING_MEMBER.format(condition="AND member_id >= begin.place", order="")}),
                ({_FIRST_MEMBER})) AS id
        ) b
        UNION ALL
        SELECT n.id, m.start, m.seen + 1 FROM member m CROSS JOIN LATERAL (
            SELECT COALESCE(
                ({_WAITING_MEMBER.format(condition="AND member_id > m.id", order="")}),
                ({_FIRST_MEMBER})) AS id
        ) n
        WHERE m.seen < tenant.held + tenant.room AND n.id <> m.start
    )
    SELECT t.run_id, row_number() OVER (ORDER BY t.priority DESC, t.created_at) AS rank
    FROM member CROSS JOIN LATERAL (
        SELECT run_id, priority, created_at FROM public.tickets_ticket
        WHERE schema = tenant.schema AND member_id = member.id AND owner = ''
            AND not_before <= now()
        ORDER BY priority DESC, created_at
        LIMIT GREATEST(LEAST(tenant.room, tenant.per_member - (
            SELECT count(*) FROM public.tickets_ticket h
            WHERE h.schema = tenant.schema AND h.member_id = member.id AND h.owner <> '')), 0)
    ) t
    ORDER BY rank LIMIT tenant.room
) q
WHERE tenant.per_member > 0 AND tenant.room > 0
"""

# Who holds least is next; among equals it goes round, from the tenant after the last one served.
# Always one row at least: how many were picked, which is more than were got if others were faster.
CLAIM = f"""
WITH RECURSIVE {_WAITING}, {_TENANT}, candidate AS ({_IN_ORDER} UNION ALL {_BY_MEMBER}),
picked AS MATERIALIZED (
    SELECT run_id, row_number() OVER (ORDER BY turn, schema <= %(after)s, schema) AS place
    FROM candidate ORDER BY place LIMIT %(limit)s
), free AS MATERIALIZED (
    SELECT t.run_id, p.place FROM public.tickets_ticket t JOIN picked p ON p.run_id = t.run_id
    WHERE t.owner = '' FOR UPDATE OF t SKIP LOCKED
), claimed AS (
    UPDATE public.tickets_ticket t
    SET owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease)s),
        fence = t.fence + 1
    FROM free WHERE t.run_id = free.run_id
    RETURNING t.run_id, t.schema, t.fence, free.place
)
SELECT p.number, c.run_id, c.schema, c.fence
FROM (SELECT count(*) AS number FROM picked) p LEFT JOIN claimed c ON true
ORDER BY c.place
"""

# One run that nobody holds, past every limit: to end it.
CLAIM_ONE = """
UPDATE public.tickets_ticket t
SET owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease)s), fence = t.fence + 1
WHERE t.run_id = %(run_id)s AND (t.owner = '' OR t.lease_until < now())
RETURNING t.fence
"""
