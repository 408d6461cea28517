"""The statements of a run that asks people, waits for them, and hears what they decided."""

from agents.runtime.sql import GUARD
from tenants.notices import CHANNEL

# A notice (tenants.notices) to whoever shows what waits: from nobody, so that all take it.
TELL_OF_APPROVAL = f"""pg_notify('{CHANNEL}', json_build_object('kind', 'approval',
    'schema', current_schema(), 'from', '', 'fields', json_build_object('id', id))::text)"""

# The step that waits, and the approval it waits for. A step may ask more than once.
STEP_ASK = f"""
WITH guard AS ({GUARD}), step AS (
    INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, input_tokens,
        output_tokens, started_position, started_at, asked)
    SELECT %(run_id)s, %(seq)s, %(key)s, %(kind)s, %(name)s, 'waiting', 0, %(input)s::jsonb,
        0, 0, %(position)s, now(), jsonb_build_array(%(asked)s::jsonb) FROM guard
    ON CONFLICT (run_id, key) DO UPDATE SET status = 'waiting',
        asked = COALESCE(agents_step.asked, '[]') || EXCLUDED.asked
    RETURNING run_id
), approval AS (
    INSERT INTO approvals_approval (id, run_id, root_run_id, step_key, kind, status, component_kind,
        component, tool, arguments, fields, tier, effect, why, requester_id, decider_roles, quorum,
        own_requests, on_expiry, escalate_to, reason, trace_id, created_at, expires_at)
    SELECT %(approval_id)s, run_id, %(root_run_id)s, %(key)s || %(suffix)s, %(ask_kind)s, 'waiting',
        %(component_kind)s, %(component)s, %(tool)s, %(arguments)s::jsonb, %(fields)s::jsonb,
        %(tier)s, %(effect)s, %(why)s, %(member_id)s, %(decider_roles)s::jsonb, %(quorum)s,
        %(own_requests)s, %(on_expiry)s, %(escalate_to)s, '', %(trace_id)s, %(at)s, %(expires_at)s
    FROM step RETURNING id, created_at
)
SELECT created_at, {TELL_OF_APPROVAL} FROM approval
"""

# What a step's last question came to, as its owner records it: with a position of its own.
STEP_DECIDED = f"""
WITH guard AS ({GUARD})
UPDATE agents_step SET asked = %(asked)s::jsonb FROM guard
WHERE run_id = %(run_id)s AND key = %(key)s RETURNING now()
"""

# Decisions and pauses of one run follow each other: each locks the run's row first.
LOCK_RUN = """
    SELECT status, cancel_requested_at IS NOT NULL FROM agents_run
    WHERE id = %(run_id)s FOR UPDATE
"""

ASKED = """
    SELECT run_id, key, asked FROM agents_step WHERE run_id = ANY(%(runs)s) AND status = 'waiting'
"""

PAUSE = """
WITH ticket AS (
    DELETE FROM public.tickets_ticket WHERE run_id = %(run_id)s AND fence = %(fence)s RETURNING *
), parked AS (
    INSERT INTO public.tickets_paused (run_id, schema, kind, slug, member_id, priority, fence,
        created_at, paused_at, due_at)
    SELECT run_id, schema, kind, slug, member_id, priority, fence, created_at, now(), %(due)s
    FROM ticket
), run AS (
    UPDATE agents_run SET status = 'paused', paused_at = now(), position = %(position)s,
        input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
        cost = %(cost)s::numeric,
        pauses = pauses || jsonb_build_array(jsonb_build_object(
            'position', %(position)s::int, 'at', now(), 'until', %(until)s::text,
            'approvals', %(approvals)s::jsonb)
            || CASE WHEN %(review)s THEN '{"review": true}' ELSE '{}' END::jsonb)
    FROM ticket WHERE id = %(run_id)s
    RETURNING paused_at
)
SELECT paused_at FROM run
"""

# What a run that ends without them had asked is asked no more.
CLOSE_APPROVALS = f"""
WITH closed AS (
    UPDATE approvals_approval SET status = 'cancelled', decided_at = now()
    WHERE run_id = %(run_id)s AND status = 'waiting' RETURNING id
)
SELECT {TELL_OF_APPROVAL} FROM closed
"""
