"""Calls an hour of each member, exact over all processes, for tools whose grant limits them."""

from __future__ import annotations

from approvals.policy import Ruling, beyond_hour
from tenants.pool import tenant_connection

# The row's lock makes callers pass one by one. An hour is that of the clock and never goes back,
# although a statement's time may be from before it waited. No row comes back for one too many.
_TAKE = """
INSERT INTO approvals_callcount AS c (grant_id, member_id, hour, calls)
SELECT %(grant)s::bigint, %(member)s::bigint,
    floor(extract(epoch FROM clock_timestamp()) / 3600)::bigint, 1
WHERE %(most)s::bigint > 0
ON CONFLICT (grant_id, member_id) DO UPDATE SET
    calls = CASE WHEN c.hour >= EXCLUDED.hour THEN c.calls + 1 ELSE 1 END,
    hour = GREATEST(c.hour, EXCLUDED.hour)
WHERE c.hour < EXCLUDED.hour OR c.calls < %(most)s::bigint
RETURNING calls
"""


async def take_call(ruling: Ruling, member_id: int) -> str:
    """Count one call against its grant's limit an hour; why it is one too many, or an empty text.

    One statement, and none where the grant has no such limit. Durable when it returns. To be taken
    once for a call: when its step is entered again, it was counted already.
    """
    if ruling.calls_per_hour is None or ruling.grant_id is None:
        return ""
    given = {"grant": ruling.grant_id, "member": member_id, "most": ruling.calls_per_hour}
    async with tenant_connection() as conn:
        cursor = await conn.execute(_TAKE, given)
        counted = await cursor.fetchone()
    return "" if counted else beyond_hour(ruling)
