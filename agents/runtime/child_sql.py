"""The statements of child runs: begun with their delegation, ended, paused and resumed as a tree.

A child run has no ticket. Every write of it passes GUARD on the ticket of its root, so a whole tree
has one owner, one lease and one fence.
"""

from agents.runtime.sql import GUARD, LAST_STEP, TYPES
from approvals.audit.run_sql import CHILD_STARTED, RUN_ENDED
from tenants.prepared import Statement

# A delegation's step and the child run that is its work: both or neither.
DELEGATE = Statement(
    f"""
WITH guard AS ({GUARD}), step AS (
    INSERT INTO agents_step (run_id, seq, key, kind, name, status, attempt, input, input_tokens,
        output_tokens, started_position, started_at)
    SELECT %(run_id)s, %(seq)s, %(key)s, 'delegation', %(name)s, 'started', 1, %(input)s::jsonb,
        0, 0, %(position)s, now() FROM guard
    RETURNING started_at
), run AS (
    INSERT INTO agents_run (
        id, revision_id, kind, slug, session_id, parent_id, root_id, depth, member_id, status,
        input, model, position, first_position, resumes, input_tokens, output_tokens, trace_id,
        deadline_at, created_at, started_at)
    SELECT %(child_id)s, %(revision_id)s, %(child_kind)s, %(child_slug)s, %(session_id)s,
        %(run_id)s, %(root_id)s, %(depth)s, %(member_id)s, 'running', %(child_input)s::jsonb,
        %(model)s::jsonb, %(position)s, %(position)s, 0, 0, 0, %(trace_id)s,
        now() + make_interval(secs => %(seconds)s), now(), now()
    FROM step
    RETURNING id, revision_id, member_id, kind, slug, trace_id, started_at
){CHILD_STARTED}
SELECT run.started_at, v.number FROM run JOIN agents_revision v ON v.id = run.revision_id
""",
    TYPES,
)

# Its use is counted with the root's, which has it in its own sums; what it said is no message of
# the session.
_FINISH_CHILD = """
WITH ticket AS ({guard}){step}, run AS (
    UPDATE agents_run SET status = %(status)s, output = %(output)s::jsonb, error = %(error)s::jsonb,
        input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
        cost = %(cost)s::numeric, position = %(position)s, finished_at = now()
    FROM ticket WHERE id = %(run_id)s
    RETURNING id, member_id, kind, slug, status, trace_id, finished_at
){audited}
SELECT finished_at FROM run
"""
FINISH_CHILD = Statement(_FINISH_CHILD.format(guard=GUARD, step="", audited=RUN_ENDED), TYPES)
FINISH_CHILD_WITH_STEP = Statement(
    _FINISH_CHILD.format(guard=GUARD, step=LAST_STEP, audited=RUN_ENDED), TYPES
)

# With the root's pause, in its transaction: what is not over waits as well.
PAUSE_CHILDREN = """
UPDATE agents_run SET status = 'paused' WHERE root_id = %(root_id)s AND status = 'running'
"""

# Before the root is entered again, whose row still says since when it waited. Once: they run then.
RESUME_CHILDREN = f"""
WITH guard AS ({GUARD})
UPDATE agents_run child SET status = 'running',
    deadline_at = child.deadline_at + COALESCE(now() - root.paused_at, interval '0')
FROM guard, agents_run root
WHERE root.id = %(root_id)s AND child.root_id = root.id AND child.status = 'paused'
"""
