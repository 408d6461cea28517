"""Every statement about tickets but claiming: renewing, letting go, cancelling, recovering.

On the shared path, but for HOLD, REQUEST_CANCEL, UNPARK and FOLLOWED, which run on the tenant's.
The statements of a run's own journal are in `agents.runtime.sql`, claiming is in `claim_sql`.
"""

RENEW = """
UPDATE public.tickets_ticket t SET lease_until = now() + make_interval(secs => %(lease)s)
FROM public.tenants_tenant tenant
WHERE t.owner = %(owner)s AND t.run_id = ANY(%(runs)s) AND tenant.schema_name = t.schema
RETURNING t.run_id, t.fence, t.cancel_requested, tenant.state = 'active'
"""

RELEASE = """
UPDATE public.tickets_ticket SET owner = '', lease_until = NULL
WHERE owner = %(owner)s AND run_id = ANY(%(runs)s)
"""

POSTPONE = """
UPDATE public.tickets_ticket
SET owner = '', lease_until = NULL, not_before = now() + make_interval(secs => %(seconds)s)
WHERE owner = %(owner)s AND run_id = ANY(%(runs)s)
"""

# Before a run is locked by who changes its ticket as well, in one transaction: who writes under a
# fence has the ticket first and the run then, and in the other order two wait for each other. A
# statement of its own, so that the next one sees what came of the write that this one waited for.
HOLD = "SELECT 1 FROM public.tickets_ticket WHERE run_id = %(run_id)s FOR UPDATE"

REQUEST_CANCEL = """
WITH run AS (
    UPDATE agents_run SET cancel_requested_at = COALESCE(cancel_requested_at, now())
    WHERE id = %(run_id)s AND status IN ('queued', 'running', 'paused') RETURNING id
), ticket AS (
    UPDATE public.tickets_ticket t SET cancel_requested = true, not_before = now()
    FROM run WHERE t.run_id = run.id
), parked AS (
    DELETE FROM public.tickets_paused p USING run WHERE p.run_id = run.id RETURNING p.*
), unparked AS (
    INSERT INTO public.tickets_ticket (run_id, schema, kind, slug, member_id, priority, not_before,
        owner, fence, cancel_requested, created_at)
    SELECT run_id, schema, kind, slug, member_id, priority, now(), '', fence, true, created_at
    FROM parked
)
SELECT id FROM run
"""

# --- runs that wait for people --------------------------------------------------------------------

_UNPARK = """
WITH parked AS (DELETE FROM public.tickets_paused WHERE {which} RETURNING *)
INSERT INTO public.tickets_ticket (run_id, schema, kind, slug, member_id, priority, not_before,
    owner, fence, cancel_requested, created_at)
SELECT run_id, schema, kind, slug, member_id, priority, now(), '', fence, false, created_at
FROM parked
"""
# Back into the queue with the fence it had; nothing when it is there already.
UNPARK = _UNPARK.format(which="run_id = %(run_id)s")
UNPARK_DUE = _UNPARK.format(which="due_at <= now()")

# How far the journal is, and who holds the run: what a follower asks before it reads anything.
# A tree is followed by its root.
FOLLOWED = """
    SELECT r.status, r.position, max(s.started_position), max(s.finished_position),
        (SELECT max(c.position) FROM agents_run c WHERE c.root_id = r.id),
        (SELECT t.owner FROM public.tickets_ticket t WHERE t.run_id = COALESCE(r.root_id, r.id))
    FROM agents_run r LEFT JOIN agents_step s ON s.run_id = ANY(ARRAY(
        SELECT r.id UNION ALL SELECT c.id FROM agents_run c WHERE c.root_id = r.id))
    WHERE r.id = %(run_id)s GROUP BY r.id
"""

OWNER = "SELECT owner FROM public.tickets_ticket WHERE run_id = %(run_id)s"

FORGET = "DELETE FROM public.tickets_ticket WHERE run_id = %(run_id)s"

# --- owners ---------------------------------------------------------------------------------------

OWNERS = "SELECT DISTINCT owner FROM public.tickets_ticket WHERE owner <> ''"

RELEASE_OWNERS = """
UPDATE public.tickets_ticket SET owner = '', lease_until = NULL WHERE owner = ANY(%(owners)s)
"""

FREE_EXPIRED = """
UPDATE public.tickets_ticket t SET owner = '', lease_until = NULL
FROM (
    SELECT run_id FROM public.tickets_ticket
    WHERE owner <> '' AND lease_until < now() FOR UPDATE SKIP LOCKED
) expired
WHERE t.run_id = expired.run_id
"""

FORGET_TENANTLESS_PAUSED = """
DELETE FROM public.tickets_paused t
WHERE NOT EXISTS (SELECT 1 FROM public.tenants_tenant WHERE schema_name = t.schema)
"""

FORGET_TENANTLESS = """
DELETE FROM public.tickets_ticket t
WHERE NOT EXISTS (SELECT 1 FROM public.tenants_tenant WHERE schema_name = t.schema)
"""

# --- executors ------------------------------------------------------------------------------------

SEEN = """
INSERT INTO public.tickets_executor (owner, host, kind, capacity, draining, started_at, seen_at)
VALUES (%(owner)s, %(host)s, %(kind)s, %(capacity)s, %(draining)s, now(), now())
ON CONFLICT (owner) DO UPDATE SET seen_at = now(), draining = EXCLUDED.draining
"""

NEIGHBOURS = (
    "SELECT owner FROM public.tickets_executor WHERE host = %(host)s AND owner <> %(owner)s"
)

GONE = "DELETE FROM public.tickets_executor WHERE owner = ANY(%(owners)s)"

FORGET_UNSEEN = """
DELETE FROM public.tickets_executor WHERE seen_at < now() - make_interval(secs => %(seconds)s)
"""
