"""Every statement of the hot path: start, journal, finish. Tickets have `ticket_sql`.

Statements run on the native pool (or, for tools that share the journal's transaction, on the ORM's
connection) with the tenant's path set; the ticket's table is named with its schema. Each write of a
run's owner passes GUARD: it locks the ticket against a claim and yields no row under a stale fence.
A child run has no ticket: its root's guards it. What else trees need is in `child_sql`; what
asks people and waits for them, in `asking_sql`.
"""

from agents.limits.counting import USAGE, USAGE_TAKES
from approvals.audit.run_sql import RUN_ENDED, RUN_STARTED
from tenants.prepared import Statement

# Of the parameters that aren't text, in what runs with every run and so is prepared.
TYPES = {
    name: kind
    for kind, names in {
        "uuid": "run_id root_id child_id session_id",
        "jsonb": "input child_input model roster output error verdicts step_input step_output",
        "bigint": "published_id revision_id member_id fence runs input_tokens output_tokens"
        " step_input_tokens step_output_tokens",
        "int": "depth seq attempt position step_seq step_position",
        "float8": "seconds lease",
        "numeric": "cost step_cost",
    }.items()
    for name in names.split()
}

GUARD = """
    SELECT 1 FROM public.tickets_ticket
    WHERE run_id = %(root_id)s AND fence = %(fence)s FOR SHARE
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
    TYPES,
)

# --- start ----------------------------------------------------------------------------------------

TABLES = {
    "agent": "agents_agent",
    "team": "agents_team",
    "workflow": "workflows_workflow",
}
"""Where the drafts of each kind of component are, and which revision of them is published."""

_COMPONENT = """
    SELECT r.id, r.number, a.name
    FROM {table} a LEFT JOIN agents_revision r ON r.id = a.published_id
    WHERE a.slug = %(slug)s AND NOT a.is_archived
"""
COMPONENT = {kind: _COMPONENT.format(table=table) for kind, table in TABLES.items()}

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
            AND parent_id IS NULL
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
    SELECT 1 FROM {table}
    WHERE slug = %(slug)s AND NOT is_archived AND published_id = %(published_id)s
), session AS ({session}),
run AS (
    INSERT INTO agents_run (
        id, revision_id, kind, slug, session_id, member_id, status, input, model, position, resumes,
        input_tokens, output_tokens, trace_id, idempotency_key, request_digest, roster, deadline_at,
        created_at, started_at)
    SELECT %(run_id)s, %(revision_id)s, %(kind)s, %(slug)s, session.id, %(member_id)s, %(status)s,
        %(input)s::jsonb, %(model)s::jsonb, 1, 0, 0, 0, %(trace_id)s, %(idempotency_key)s,
        %(request_digest)s, %(roster)s::jsonb,
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
# What guardrails said of the input is written with the run, and the first step comes after it.
_VERDICTS = f""", verdicts AS (
    INSERT INTO agents_step ({VERDICT_COLUMNS})
    SELECT run.id, {VERDICT_VALUES} FROM run, {VERDICT_RECORDS}
)"""
_LATER = {"seq": "%(step_seq)s", "position": "%(step_position)s", "verdicts": _VERDICTS}


def _start(table: str, *, in_session: bool, looked_at: bool, more: str = "") -> Statement:
    session, first = _OLD if in_session else _NEW, _LATER if looked_at else _FIRST
    first = {**first, "verdicts": first["verdicts"] + more}
    return Statement(_START.format(table=table, **session, **first), TYPES)


def start_of_workflow(more: str, *, in_session: bool, looked_at: bool) -> Statement:
    """The start of a workflow with another part that writes beside it."""
    table = TABLES["workflow"]
    return _start(table, in_session=in_session, looked_at=looked_at, more=more)


START = {
    (kind, in_session, looked_at): _start(table, in_session=in_session, looked_at=looked_at)
    for kind, table in TABLES.items()
    for in_session in (False, True)
    for looked_at in (False, True)
}
"""By the component's kind, whether the session is there already, and whether guardrails spoke."""

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

_LOAD_RUN = """
    SELECT r.id, r.kind, r.slug, v.number, r.revision_id, r.session_id, r.parent_id, r.member_id,
        r.status, r.input, r.output, r.error, r.model, r.input_tokens, r.output_tokens, r.position,
        r.resumes, r.trace_id, r.created_at, r.started_at, r.finished_at, r.deadline_at,
        m.time_zone, m.is_active, EXTRACT(EPOCH FROM r.deadline_at - now())::float8,
        r.cancel_requested_at IS NOT NULL, r.cost, m.name, m.username, r.pauses,
        r.root_id, r.depth, r.first_position, r.roster
    FROM agents_run r
    JOIN agents_revision v ON v.id = r.revision_id
    JOIN accounts_member m ON m.id = r.member_id
"""
LOAD_RUN = _LOAD_RUN + "WHERE r.id = %(run_id)s"
# A tree's child runs, parents before their children.
LOAD_CHILDREN = _LOAD_RUN + "WHERE r.root_id = %(root_id)s ORDER BY r.depth, r.id"

_STEP_COLUMNS = """seq, key, kind, name, status, attempt, input, output, error, input_tokens,
    output_tokens, started_position, finished_position, started_at, finished_at, cost, asked"""
LOAD_STEPS = f"SELECT {_STEP_COLUMNS} FROM agents_step WHERE run_id = %(run_id)s ORDER BY seq"
LOAD_STEPS_OF = f"""
    SELECT {_STEP_COLUMNS}, run_id FROM agents_step WHERE run_id = ANY(%(runs)s) ORDER BY seq
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
    TYPES,
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
    TYPES,
)

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
LAST_STEP = """, step AS (
    UPDATE agents_step SET status = 'finished', output = %(step_output)s::jsonb, error = NULL,
        input_tokens = %(step_input_tokens)s, output_tokens = %(step_output_tokens)s,
        cost = %(step_cost)s::numeric, finished_position = %(step_position)s, finished_at = now()
    FROM ticket WHERE run_id = %(run_id)s AND key = %(step_key)s
)"""
_COUNTED = {"usage": USAGE, "usage_takes": USAGE_TAKES, "audited": RUN_ENDED}
FINISH = Statement(_FINISH.format(step="", **_COUNTED), TYPES)
# The step whose outcome ends the run is recorded with the run's end.
FINISH_WITH_STEP = Statement(_FINISH.format(step=LAST_STEP, **_COUNTED), TYPES)
