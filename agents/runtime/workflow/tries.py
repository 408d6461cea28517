"""Attempts of a node: how long between them, and whether there may be another."""

from __future__ import annotations

from uuid import UUID

from agents.tools import registry
from agents.tools.spec import Effect
from agents.workflows.spec import Retries
from tenants.pool import tenant_connection

# Another attempt would come to the same.
_FINAL = frozenset(
    {
        *("not_allowed", "too_deep", "member_unknown", "guardrail_blocked", "cancelled"),
        *("limit_tokens", "limit_cost", "limit_steps", "parent_ended"),
    }
)

# Tools that were called in a run or below it; calls that were refused are none.
_CALLED = """
WITH RECURSIVE below AS (
    SELECT id FROM agents_run WHERE id = %(run_id)s
    UNION ALL SELECT r.id FROM agents_run r JOIN below b ON r.parent_id = b.id
)
SELECT DISTINCT s.name FROM agents_step s JOIN below b ON b.id = s.run_id
WHERE s.kind = 'tool' AND s.status <> 'waiting' AND COALESCE(s.error ->> 'code', '') NOT IN (
    'not_allowed', 'rejected', 'expired', 'unknown_tool', 'bad_arguments', 'untrusted_content')
"""


def pause_ms(retries: Retries, attempt: int) -> float:
    """Milliseconds between this attempt, from 1, and the next."""
    grown = retries.backoff_ms * retries.factor ** (attempt - 1)
    return float(min(grown, retries.longest_ms))


def may_help(code: str) -> bool:
    """Whether another attempt may come to something else."""
    return code not in _FINAL


async def has_written(run_id: UUID) -> bool:
    """Whether something may have been written by tools in a run that ended, or below it."""
    async with tenant_connection() as conn:
        rows = await (await conn.execute(_CALLED, {"run_id": run_id})).fetchall()
    known = {spec.name: spec.effect for spec in registry.all()}
    return any(known.get(str(row[0]), Effect.WRITE) is not Effect.READ for row in rows)
