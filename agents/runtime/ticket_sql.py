"""Every statement about tickets: claiming, renewing, letting go, cancelling.

On the shared path, but for REQUEST_CANCEL, which runs on the tenant's. The statements of a run's
own journal are in `agents.runtime.sql`.
"""

CLAIM = """
UPDATE public.tickets_ticket t
SET owner = %(owner)s, lease_until = now() + make_interval(secs => %(lease)s), fence = t.fence + 1
FROM (
    SELECT run_id FROM public.tickets_ticket
    WHERE not_before <= now() AND (owner = '' OR lease_until < now())
    ORDER BY priority DESC, created_at LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
) free
WHERE t.run_id = free.run_id
RETURNING t.run_id, t.schema, t.fence, t.cancel_requested
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
SET owner = '', lease_until = NULL, not_before = now() + interval '30 seconds'
WHERE owner = %(owner)s AND run_id = ANY(%(runs)s)
"""

REQUEST_CANCEL = """
WITH run AS (
    UPDATE agents_run SET cancel_requested_at = COALESCE(cancel_requested_at, now())
    WHERE id = %(run_id)s AND status IN ('queued', 'running', 'paused') RETURNING id
), ticket AS (
    UPDATE public.tickets_ticket t SET cancel_requested = true, not_before = now()
    FROM run WHERE t.run_id = run.id
)
SELECT id FROM run
"""

OWNERS = "SELECT DISTINCT owner FROM public.tickets_ticket WHERE owner <> ''"

RELEASE_OWNERS = """
UPDATE public.tickets_ticket SET owner = '', lease_until = NULL WHERE owner = ANY(%(owners)s)
"""

FREE_EXPIRED = """
UPDATE public.tickets_ticket SET owner = '', lease_until = NULL
WHERE owner <> '' AND lease_until < now()
"""

FORGET_TENANTLESS = """
DELETE FROM public.tickets_ticket t
WHERE NOT EXISTS (SELECT 1 FROM public.tenants_tenant WHERE schema_name = t.schema)
"""
