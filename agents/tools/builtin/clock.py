"""`current_time`: what time it is, somewhere."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any

from pydantic import Field

from agents.tools.builtin.zones import UnknownZone, find_zone
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

# By hand and not by strftime, whose names follow the machine's locale.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Clock(Arguments):
    time_zone: Annotated[
        str | None,
        Field(
            max_length=64,
            description="IANA time zone such as Asia/Tokyo, or a city such as Tokyo; "
            "the user's own zone when left out",
        ),
    ] = None


@tool(effect=Effect.READ, scope=Scope.AGENTS_RUN)
async def current_time(context: ToolContext, args: Clock) -> dict[str, Any]:
    """Tell the current date, time and weekday in a time zone or city, or where the user is."""
    # In a thread: the first look-up in a process reads the names of all zones from disk.
    name, zone = await asyncio.to_thread(_zone, args.time_zone, context.member_time_zone)
    now = datetime.now(zone).replace(microsecond=0)
    return {
        "time": now.isoformat(),
        "weekday": _WEEKDAYS[now.weekday()],
        "time_zone": name,
        "utc_offset": _offset(now.utcoffset() or timedelta()),
    }


def _zone(asked: str | None, own: str) -> tuple[str, tzinfo]:
    """The zone asked for; else the member's, or UTC where the zone database has no such zone."""
    try:
        return find_zone(asked or own or "UTC")
    except UnknownZone as error:
        if asked:
            raise ToolError(str(error)) from None
        return "UTC", UTC


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
