"""The event logs of the runs this process holds, for followers in the same process."""

from __future__ import annotations

import asyncio
from uuid import UUID

from agents.runtime.events import Event
from agents.runtime.log import RunLog
from tenants.context import current_tenant

# A follower that drops at the very end finds the log for a while; later the journal serves it.
_KEEP_SECONDS = 10.0
# The types of a run's last event.
ENDS = frozenset({"run.completed", "run.failed", "run.cancelled"})
_logs: dict[tuple[str, UUID], RunLog] = {}


def put(run_id: UUID, log: RunLog) -> None:
    _logs[current_tenant().schema, run_id] = log


def find(run_id: UUID) -> RunLog | None:
    """The live log of a run of the current tenant, if this process holds it."""
    return _logs.get((current_tenant().schema, run_id))


def find_of(schema: str, run_id: UUID) -> RunLog | None:
    """Like `find`, for a run of the named tenant: another process asks, who checked the right."""
    return _logs.get((schema, run_id))


def given_up(log: RunLog) -> bool:
    """Whether a log ended without the run's end: another owner goes on, the journal tells."""
    last = log.entries[-1] if log.entries else None
    ended = isinstance(last, Event) and ends(last, log.source.run_id)
    return log.ended and not ended


def ends(event: Event, run_id: UUID | str) -> bool:
    """Whether this is the run's last event, and not a child run's in its stream."""
    return event.type in ENDS and event.data["run_id"] == str(run_id)


def drop(run_id: UUID, log: RunLog, *, soon: bool = True) -> None:
    """Forget a log that has ended or was given up; `soon` keeps it a few seconds more."""
    key = (current_tenant().schema, run_id)

    def forget() -> None:
        if _logs.get(key) is log:
            del _logs[key]

    if soon:
        asyncio.get_running_loop().call_later(_KEEP_SECONDS, forget)
    else:
        forget()
