"""What a step asks of people, as the journal keeps it: entries of `Step.asked`, and their events.

An entry is JSON: `{approval, kind, tool, arguments, fields, tier, why, at, position, expires_at,
decision}`; the decision is null until somebody decides: `{choice, by, at, arguments, response,
reason, position}`. Its position is null while the run's owner has not told of it yet.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agents.runtime.events import Cursor, Event, Source, make
from agents.runtime.state import StepState

REVIEW = "review_result"
"""What a question is called that isn't about a tool's call, but about what a run came to."""


def last_asked(step: StepState | None) -> dict[str, Any] | None:
    """What the step asked last, or None when it never asked."""
    return step.asked[-1] if step is not None and step.asked else None


def open_question(step: StepState) -> dict[str, Any] | None:
    """What the step waits for, undecided."""
    asked = last_asked(step)
    return asked if asked is not None and asked["decision"] is None else None


def expiry(asked: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(asked["expires_at"])


def has_expired(asked: dict[str, Any]) -> bool:
    return expiry(asked) <= datetime.now(UTC)


def requested_event(source: Source, seq: int, asked: dict[str, Any]) -> Event:
    told = ("kind", "tool", "arguments", "fields", "tier", "why", "expires_at")
    return make(
        source,
        Cursor(asked["position"], 0),
        "approval.requested",
        datetime.fromisoformat(asked["at"]),
        step=seq,
        approval={"id": asked["approval"], **{name: asked[name] for name in told}},
    )


def decided_event(source: Source, seq: int, asked: dict[str, Any]) -> Event:
    decision = asked["decision"]
    return make(
        source,
        Cursor(decision["position"], 0),
        "approval.decided",
        datetime.fromisoformat(decision["at"]),
        step=seq,
        approval_id=asked["approval"],
        tool=asked["tool"],
        decision=decision["choice"],
        by=decision["by"],
        reason=decision["reason"],
    )


def asked_events(source: Source, step: StepState) -> list[Event]:
    """All that a step asked and was told, as far as it has a place in the journal."""
    events = []
    for asked in step.asked or ():
        events.append(requested_event(source, step.seq, asked))
        if asked["decision"] is not None and asked["decision"]["position"] is not None:
            events.append(decided_event(source, step.seq, asked))
    return events


def paused_event(source: Source, pause: dict[str, Any]) -> Event:
    return make(
        source,
        Cursor(pause["position"], 0),
        "run.paused",
        datetime.fromisoformat(pause["at"]),
        status="needs_review" if pause.get("review") else "paused",
        approvals=pause["approvals"],
        until=pause["until"],
    )


def resumed_event(source: Source, pause: dict[str, Any]) -> Event | None:
    if pause.get("resumed_position") is None:
        return None
    return make(
        source,
        Cursor(pause["resumed_position"], 0),
        "run.resumed",
        datetime.fromisoformat(pause["resumed_at"]),
        reason="decided" if pause.get("approvals") else "due",
    )


def waited(pause: dict[str, Any]) -> float:
    """How long a pause was, in seconds; 0 while it lasts."""
    if pause.get("resumed_at") is None:
        return 0.0
    begun, over = (datetime.fromisoformat(pause[name]) for name in ("at", "resumed_at"))
    return (over - begun).total_seconds()
