"""The hot path's entries: parts of its own statements, so that they cost no round trip.

RUN_STARTED and RUN_ENDED follow the part `run` of the statement that starts, or ends, a run:
both or neither are on record. Their values are the statement's own, and `starter`'s.
"""

from __future__ import annotations

from typing import Any

from tenants import happened
from tenants.accounts.principal import Principal

_INSERT = """INSERT INTO approvals_auditentry (actor_id, actor_name, via, credential, action,
        target_type, target_id, target_name, address, trace_id, run_id, result, detail, at)"""
_NAME = """COALESCE((SELECT left(COALESCE(NULLIF(m.name, ''), m.username), 200)
        FROM accounts_member m WHERE m.id = {member}), '')"""

RUN_STARTED = f""", audit AS (
    {_INSERT}
    SELECT %(member_id)s, %(actor_name)s, %(actor_via)s, %(actor_credential)s, 'run.started',
        %(kind)s, %(slug)s, %(slug)s, %(actor_address)s, %(trace_id)s, run.id, 'ok', NULL, now()
    FROM run
)"""

# A child run: what began it is the run that it is part of. Needs of `run` what RUN_ENDED does.
CHILD_STARTED = f""", audit AS (
    {_INSERT}
    SELECT run.member_id, {_NAME.format(member="run.member_id")}, 'agent', '', 'run.started',
        run.kind, run.slug, run.slug, '', run.trace_id, run.id, 'ok', NULL, now()
    FROM run
)"""

# Needs of `run`: id, member_id, kind, slug, status, trace_id.
RUN_ENDED = f""", audit AS (
    {_INSERT}
    SELECT run.member_id, {_NAME.format(member="run.member_id")}, 'agent', '',
        'run.' || run.status, run.kind, run.slug, run.slug, '', run.trace_id, run.id,
        CASE run.status WHEN 'completed' THEN 'ok' WHEN 'cancelled' THEN 'ok' ELSE 'failed' END,
        NULL, now()
    FROM run
)"""

# A tool call of a tier that is on record. `result`: ok, failed, or refused by policy or a person.
TOOL_CALLED = f"""
{_INSERT}
SELECT r.member_id, {_NAME.format(member="r.member_id")}, 'agent', '', 'tool.called', 'tool',
    %(tool)s, %(tool)s, '', r.trace_id, r.id, %(result)s, %(detail)s::jsonb, now()
FROM agents_run r WHERE r.id = %(run_id)s
"""


def starter(principal: Principal) -> dict[str, Any]:
    """The values of RUN_STARTED that say who, how and from where."""
    actor = happened.actor_of(principal)
    return {
        "actor_name": actor.name[:200],
        "actor_via": actor.via,
        "actor_credential": actor.credential[:64],
        "actor_address": happened.address(),
    }
