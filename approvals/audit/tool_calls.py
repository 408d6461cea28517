"""Tool calls on record: those of the tier audited and above, whichever way they end."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from approvals.audit import sealing
from approvals.audit.run_sql import TOOL_CALLED


async def tool_called(
    conn: AsyncConnection[Any],
    run_id: UUID,
    tool: str,
    result: Literal["ok", "refused", "failed"],
    *,
    step: str,
    tier: str,
    why: str = "",
) -> None:
    """Write that `run_id` called `tool` in the step `step`, or was refused it.

    Joins the connection's transaction. The arguments are the step's: they may hold what an audit
    log must not.
    """
    detail = {"step": step, "tier": tier, **({"why": why} if why else {})}
    values = {
        "run_id": run_id,
        "tool": tool[:64],
        "result": result,
        "detail": orjson.dumps(detail).decode(),
    }
    await conn.execute(TOOL_CALLED, values)
    sealing.mark()
