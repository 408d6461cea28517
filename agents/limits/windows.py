"""When a limit's window ends: by the clock, in UTC, the same for every process and member."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from agents.limits.kinds import Window


def window_end(window: Window, now: datetime) -> datetime | None:
    """When what is used up is there again; None for live runs, which end when they end."""
    now = now.astimezone(UTC)
    if window == "minute":
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "day":
        return midnight + timedelta(days=1)
    if window == "month":
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def today() -> date:
    return datetime.now(UTC).date()


def month_start(day: date) -> date:
    return day.replace(day=1)
