"""What time it is, by any name that a model may give a place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.tools.builtin.clock import Clock, current_time
from agents.tools.builtin.zones import UnknownZone, find_zone
from agents.tools.errors import ToolError
from tests.tools.making import context


async def ask(time_zone: str | None = None, **changes: Any) -> dict[str, Any]:
    answer = await current_time(context(**changes), Clock(time_zone=time_zone))
    assert isinstance(answer, dict)
    return answer


async def test_the_time_is_now_in_that_zone() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = await ask("Asia/Tokyo")
    after = datetime.now(UTC)

    told = datetime.fromisoformat(answer["time"])
    assert before <= told <= after
    assert told.utcoffset() == timedelta(hours=9)
    assert answer["time_zone"] == "Asia/Tokyo"
    assert answer["utc_offset"] == "+09:00"
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    assert answer["weekday"] == days[told.isoweekday() - 1]


@pytest.mark.parametrize(
    ("own", "zone"), [("Asia/Kathmandu", "Asia/Kathmandu"), ("", "UTC"), ("Mars/Olympus", "UTC")]
)
async def test_without_a_zone_it_is_the_members_own_or_utc(own: str, zone: str) -> None:
    answer = await ask(member_time_zone=own)
    assert answer["time_zone"] == zone
    assert answer["utc_offset"] == ("+05:45" if own == zone else "+00:00")


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("tokyo", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("  New   York ", "America/New_York"),
        ("Paris, France", "Europe/Paris"),
        ("São Paulo", "America/Sao_Paulo"),
        ("San Francisco", "America/Los_Angeles"),
        ("Mumbai", "Asia/Kolkata"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("utc", "UTC"),
        ("UTC+5:30", "UTC+05:30"),
        ("GMT -3", "UTC-03:00"),
        ("+0200", "UTC+02:00"),
    ],
)
def test_zones_cities_and_offsets_are_found_in_any_case(name: str, zone: str) -> None:
    assert find_zone(name)[0] == zone


def test_an_offset_means_what_people_mean_by_it() -> None:
    zone = find_zone("UTC+2")[1]
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", ["tokio", "Europe/Tokyo", "Asia/Tokio"])
async def test_an_unknown_name_is_answered_with_close_ones(name: str) -> None:
    with pytest.raises(ToolError, match=r"did you mean .*Asia/Tokyo"):
        await ask(name)


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/localtime", "UTC+99", "nowhere at all"])
def test_what_is_no_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UnknownZone, match="such as"):
        find_zone(name)
