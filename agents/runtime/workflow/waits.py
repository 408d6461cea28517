"""A node that waits: so long, until a time, or for an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agents.runtime.events import iso
from agents.runtime.workflow import people
from agents.runtime.workflow.place import At
from agents.runtime.workflow.values import NodeFault, Result, worked_out


async def wait(at: At) -> Result | None:
    """None while it waits for long. Until when is decided once, when the node begins."""
    if at.node.event is not None:
        return await people.event(at)
    until = at.step.input.get("until")
    if until is None:
        until = at.step.input["until"] = iso(_until(at))
    due = datetime.fromisoformat(until)
    if not await at.flow.until(at.key, due):
        return None
    return Result("completed", {"at": until}, tainted=at.tainted)


def _until(at: At) -> datetime:
    if at.node.seconds is not None:
        return datetime.now(UTC) + timedelta(seconds=at.node.seconds)
    given = worked_out(at.node.until, at.roots, "until")
    try:
        found = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise NodeFault("expression", f"until gives no time: {str(given)[:100]!r}.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
