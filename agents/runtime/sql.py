"""Every statement of the hot path: start, journal, finish. Tickets have `ticket_sql`.

Statements run on the native pool (or, for tools that share the journal's transaction, on the ORM's
connection) with the tenant's path set; the ticket's table is named with its schema. Each write of a
run's owner passes GUARD: it locks the ticket against a claim and yields no row under a stale fence.
"""

from agents.limits.counting import USAGE, USAGE_TAKES
from approvals.audit.run_sql import RUN_ENDED, RUN_STARTED
from tenants.notices import CHANNEL
from tenants.prepared import Statement

# Of the parameters that aren't text, in what runs with every run and so is prepared.
_TYPES = {
    name: kind
    for kind, names in {
        "uuid": "run_id session_id",
        "jsonb": "input model output error verdicts step_input step_output",
        "bigint": "published_id revision_id member_id fence runs input_tokens output_tokens"
        " step_input_tokens step_output_tokens",
        "int": "seq attempt position step_seq step_position",
        "float8": "seconds lease",
        "numeric": "cost step_cost",
    }.items()
    for name in names.split()
}

GUARD = """
    SELECT 1 FROM public.tickets_ticket
    WHERE run_id = %(run_id)s AND fence = %(fence)s FOR SHARE
"""

# --- verdicts of guardrails -----------------------------------------------------------------------

VERDICT_COLUMNS = """run_id, seq, key, kind, name, status, attempt, output, input_tokens,
    output_tokens, cost, started_position, finished_position, started_at, finished_at"""
VERDICT_VALUES = """v.seq, v.key, 'guardrail', v.name, 'finished', 1, v.output, v.input_tokens,
    v.output_tokens, v.cost, v.position, v.position, now() - make_interval(secs => v.seconds), now()
"""
VERDICT_RECORDS = """jsonb_to_recordset(%(verdicts)s::jsonb) AS v(seq int, key text, name text,
    output jsonb, input_tokens bigint, output_tokens bigint, cost numeric, position int,
    seconds float8)"""

VERDICTS = Statement(
    f"""
WITH guard AS ({GUARD})
INSERT INTO agents_step ({VERDICT_COLUMNS})
SELECT %(run_id)s, {VERDICT_VALUES} FROM guard, {VERDICT_RECORDS}
ON CONFLICT (run_id, key) DO UPDATE SET output = EXCLUDED.output, status = 'finished',
    finished_position = EXCLUDED.finished_position, finished_at = EXCLUDED.finished_at
RETURNING finished_at
""",
    _TYPES,
)

# --- start ----------------------------------------------------------------------------------------

COMPONENT = """
    SELECT r.id, r.number, a.name
    FROM agents_agent a LEFT JOIN agents_revision r ON r.id = a.published_id
    WHERE a.slug = %(slug)s AND NOT a.is_archived
"""

REVISION_SPEC = "SELECT spec, digest FROM agents_revision WHERE id = %(revision_id)s"

REVISION_BY_NUMBER = """
    SELECT id, number FROM agents_revision
    WHERE kind = %(kind)s AND slug = %(slug)s AND number = %(number)s
"""

HISTORY = """
    SELECT m.role, m.content FROM agents_message m
    JOIN (
        SELECT id FROM agents_run
        WHERE session_id = %(session_id)s AND id < %(run_id)s AND status = 'completed'
        ORDER BY id DESC LIMIT %(runs)s
    ) r ON r.id = m.run_id
    ORDER BY m.run_id, m.position
"""

_NEW_SESSION = """
    INSERT INTO agents_session (id, member_id, kind, slug, title, created_at, updated_at)
    SELECT %(session_id)s, %(member_id)s, %(kind)s, %(slug)s, %(title)s, now(), now()
    FROM component
    RETURNING id
"""
_OLD_SESSION = """
    UPDATE agents_session SET updated_at = now() FROM component
    WHERE id = %(session_id)s AND member_id = %(member_id)s
      AND kind = %(kind)s AND slug = %(slug)s
    RETURNING id
"""
# The caller knows the published revision from memory: `component` says whether it still is. The
# first step and the session's history ride along, so that a run begins with one round trip.
_START = """
WITH component AS (
    SELECT 1 FROM agents_agent
    WHERE slug = %(slug)s AND NOT is_archived AND published_id = %(published_id)s
), session AS ({session}),
run AS (
    INSERT INTO agents_run (
        id, revision_id, kind, slug, session_id, member_id, status, input, model, position, resumes,
        input_tokens, output_tokens, trace_id, idempotency_key, request_digest, deadline_at,
        created_at, started_at)
    SELECT %(run_id)s, %(revision_id)s, %(kind)s, %(slug)s, session.id, %(member_id)s, %(status)s,
        %(input)s::jsonb, %(model)s::jsonb, 1, 0, 0, 0, %(trace_id)s, %(idempotency_key)s,
        %(request_digest)s,
        CASE WHEN %(status)s = 'running' THEN now() + make_interval(secs => %(seconds)s) END, now(),
        CASE WHEN %(status)s = 'running' THEN now() END
    FROM session
    RETURNING id, session_id, created_at, started_at, deadline_at
), message AS (
    INSERT INTO agents_message (session_id, run_id, position, role, content, created_at)
    SELECT session_id, id, 0, 'user', %(content)s, now() FROM run
), ticket AS (
    INSERT INTO public.tickets_ticket (
        run_id, schema, kind, slug, member_id, priority, not_before, owner, lease_until, fence,
        cancel_requested, created_at)
    SELECT id, %(schema)s, %(kind)s, %(slug)s, %(member_id)s, 0, now(), %(owner)s,
        CASE WHEN %(owner)s <> '' THEN now() + make_interval(secs => %(lease)s) END,
        CASE WHEN %(owner)s <> '' THEN 1 ELSE 0 END, false, now()
    FROM run
), step AS (
    INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, input_tokens,
        output_tokens, started_position, started_at)
    SELECT id, {seq}, %(step_key)s, %(step_kind)s, %(step_name)s, 'started', 1,
        %(step_input)s::jsonb, 0, 0, {position}, now()
    FROM run WHERE %(step_key)s::text IS NOT NULL
){verdicts}{audited}
SELECT created_at, started_at, deadline_at, {history} FROM run
"""
_NO_HISTORY = "NULL::json"
_HISTORY_AS_JSON = f"""(
    SELECT json_agg(json_build_array(said.role, said.content)) FROM ({HISTORY}) said
)"""
_NEW = {"session": _NEW_SESSION, "history": _NO_HISTORY, "audited": RUN_STARTED}
_OLD = {"session": _OLD_SESSION, "history": _HISTORY_AS_JSON, "audited": RUN_STARTED}
_FIRST = {"seq": "1", "position": "2", "verdicts": ""}
START_IN_NEW_SESSION = Statement(_START.format(**_NEW, **_FIRST), _TYPES)
START_IN_SESSION = Statement(_START.format(**_OLD, **_FIRST), _TYPES)
# What guardrails said of the input is written with the run, and the first step comes after it.
_VERDICTS = f""", verdicts AS (
    INSERT INTO agents_step ({VERDICT_COLUMNS})
    SELECT run.id, {VERDICT_VALUES} FROM run, {VERDICT_RECORDS}
)"""
_LATER = {"seq": "%(step_seq)s", "position": "%(step_position)s", "verdicts": _VERDICTS}
START_LOOKED_AT_IN_NEW_SESSION = Statement(_START.format(**_NEW, **_LATER), _TYPES)
START_LOOKED_AT_IN_SESSION = Statement(_START.format(**_OLD, **_LATER), _TYPES)

RUN_BY_IDEMPOTENCY_KEY = """
    SELECT id, request_digest FROM agents_run
    WHERE member_id = %(member_id)s AND idempotency_key = %(idempotency_key)s
"""

# --- enter again ----------------------------------------------------------------------------------

# Into a run's row while it is left, to be carried on. What it waited doesn't count as its time. The
# position that it gives is that of `run.resumed`, and later than any that a decision was given.
ENTER = f"""
WITH guard AS ({GUARD})
UPDATE agents_run SET status = 'running', started_at = COALESCE(started_at, now()),
    deadline_at = COALESCE(deadline_at + COALESCE(now() - paused_at, interval '0'),
        now() + make_interval(secs => %(seconds)s)),
    position = CASE WHEN started_at IS NULL THEN position
        ELSE GREATEST(position, %(position)s) + 1 END,
    resumes = resumes + CASE WHEN started_at IS NULL THEN 0 ELSE 1 END,
    pauses = CASE WHEN paused_at IS NULL THEN pauses ELSE jsonb_set(pauses, '{{-1}}',
        pauses -> -1 || jsonb_build_object('resumed_at', now(),
            'resumed_position', GREATEST(position, %(position)s) + 1)) END,
    paused_at = NULL
FROM guard WHERE id = %(run_id)s AND status IN ('queued', 'running', 'paused')
RETURNING position
"""

LOAD_RUN = """
    SELECT r.id, r.kind, r.slug, v.number, r.revision_id, r.session_id, r.parent_id, r.member_id,
        r.status, r.input, r.output, r.error, r.model, r.input_tokens, r.output_tokens, r.position,
        r.resumes, r.trace_id, r.created_at, r.started_at, r.finished_at, r.deadline_at,
        m.time_zone, m.is_active, EXTRACT(EPOCH FROM r.deadline_at - now())::float8,
        r.cancel_requested_at IS NOT NULL, r.cost, m.name, m.username, r.pauses
    FROM agents_run r
    JOIN agents_revision v ON v.id = r.revision_id
    JOIN accounts_member m ON m.id = r.member_id
    WHERE r.id = %(run_id)s
"""

LOAD_STEPS = """
    SELECT seq, key, kind, name, status, attempt, input, output, error, input_tokens, output_tokens,
        started_position, finished_position, started_at, finished_at, cost, asked
    FROM agents_step WHERE run_id = %(run_id)s ORDER BY seq
"""

JOURNAL_STATE = """
    SELECT r.status, r.position, max(s.started_position), max(s.finished_position)
    FROM agents_run r LEFT JOIN agents_step s ON s.run_id = r.id
    WHERE r.id = %(run_id)s GROUP BY r.id
"""

# --- steps ----------------------------------------------------------------------------------------

STEP_START = Statement(
    f"""
WITH guard AS ({GUARD})
INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, input_tokens,
    output_tokens, started_position, started_at)
SELECT %(run_id)s, %(seq)s, %(key)s, %(kind)s, %(name)s, 'started', %(attempt)s, %(input)s::jsonb,
    0, 0, %(position)s, now() FROM guard
ON CONFLICT (run_id, key) DO UPDATE SET status = 'started', attempt = EXCLUDED.attempt,
    started_position = EXCLUDED.started_position, started_at = now(), error = NULL,
    input = EXCLUDED.input
RETURNING started_at
""",
    _TYPES,
)

STEP_END = Statement(
    f"""
WITH guard AS ({GUARD})
UPDATE agents_step SET status = %(status)s, output = %(output)s::jsonb, error = %(error)s::jsonb,
    input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
    cost = %(cost)s::numeric, finished_position = %(position)s, finished_at = now()
FROM guard WHERE run_id = %(run_id)s AND key = %(key)s
RETURNING finished_at
""",
    _TYPES,
)

# --- waiting for people ---------------------------------------------------------------------------

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

ASKED = "SELECT key, asked FROM agents_step WHERE run_id = %(run_id)s AND status = 'waiting'"

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
            'approvals', %(approvals)s::jsonb))
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

# --- finish ---------------------------------------------------------------------------------------

_FINISH = """
WITH ticket AS (
    DELETE FROM public.tickets_ticket WHERE run_id = %(run_id)s AND fence = %(fence)s RETURNING 1
){step}, run AS (
    UPDATE agents_run SET status = %(status)s, output = %(output)s::jsonb, error = %(error)s::jsonb,
        input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
        cost = %(cost)s::numeric, position = %(position)s, finished_at = now()
    FROM ticket WHERE id = %(run_id)s
    RETURNING id, session_id, finished_at, status, trace_id, {usage_takes}
), message AS (
    INSERT INTO agents_message (session_id, run_id, position, role, content, created_at)
    SELECT session_id, id, 1, 'assistant', %(answer)s::text, now() FROM run
    WHERE %(answer)s::text IS NOT NULL
), session AS (
    UPDATE agents_session s SET updated_at = now() FROM run WHERE s.id = run.session_id
), {usage}{audited}
SELECT finished_at FROM run
"""
_LAST_STEP = """, step AS (
    UPDATE agents_step SET status = 'finished', output = %(step_output)s::jsonb, error = NULL,
        input_tokens = %(step_input_tokens)s, output_tokens = %(step_output_tokens)s,
        cost = %(step_cost)s::numeric, finished_position = %(step_position)s, finished_at = now()
    FROM ticket WHERE run_id = %(run_id)s AND key = %(step_key)s
)"""
_COUNTED = {"usage": USAGE, "usage_takes": USAGE_TAKES, "audited": RUN_ENDED}
FINISH = Statement(_FINISH.format(step="", **_COUNTED), _TYPES)
# The step whose outcome ends the run is recorded with the run's end.
FINISH_WITH_STEP = Statement(_FINISH.format(step=_LAST_STEP, **_COUNTED), _TYPES)
