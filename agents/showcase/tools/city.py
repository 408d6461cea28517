"""What the dispatchers know: what a report calls for, and which units are how far away."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from agents.showcase.sources import NOTE, source
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

TOOLKIT = "dispatch"
KINDS = ("ambulance", "critical-care", "fire-engine", "police")
Kind = Literal["ambulance", "critical-care", "fire-engine", "police"]
_MINUTES_A_KM, _TURN_OUT = 1.7, 1.5  # through the city with a blue light; until it leaves
# What nobody has a protocol for is taken seriously until somebody has seen it.
_UNKNOWN = {
    "incident_type": "unclear",
    "medical": True,
    "severity": 3,
    "kinds": ["ambulance", "police"],
    "advice": "No protocol fits: ask the caller what they see, and whether anybody is hurt.",
}


class Report(Arguments):
    report: Annotated[
        str,
        Field(min_length=3, max_length=4_000, description="What was reported, in its own words"),
    ]


@tool(effect=Effect.READ, scope=Scope.DESK_READ, toolkit=TOOLKIT)
async def assess_incident(context: ToolContext, args: Report) -> dict[str, Any]:
    """Assess a reported incident by the protocols: its type, its severity from 1 to 5, whether it
    is medical, which kinds of units it needs, and what to tell the caller.
    """
    found = protocol_for(args.report)
    return {
        "incident_type": found["incident_type"],
        "medical": found["medical"],
        "severity": found["severity"],
        "kinds": found["kinds"],
        "advice": found["advice"],
        "source": NOTE,
    }


def protocol_for(report: str) -> dict[str, Any]:
    """The first protocol of which a word stands in the report."""
    protocols: list[dict[str, Any]] = source("city")["protocols"]
    for one in protocols:
        words = "|".join(re.escape(word) for word in one["words"])
        if re.search(rf"\b(?:{words})(?:s|es)?\b", report, re.IGNORECASE):
            return one
    return _UNKNOWN


@dataclass(frozen=True, slots=True)
class Place:
    """`known` is False where the map has no such place: then it is the city's centre."""

    x: float
    y: float
    island: bool
    known: bool


def place_of(location: str) -> Place:
    said = location.lower()
    for one in source("city")["places"]:
        if one["name"].lower() in said or said.strip() in one["name"].lower():
            return Place(one["x"], one["y"], one.get("island", False), True)
    return Place(0.0, 0.0, False, False)


def nearest(kind: str, place: Place, free_in: dict[str, float]) -> dict[str, Any] | None:
    """The unit of a kind that is there first; None when none gets there. `free_in`: minutes until
    units that are at work are free, by their ids.
    """
    there = [
        (_minutes(unit, place) + free_in.get(unit["id"], 0.0), unit)
        for unit in source("city")["units"]
        if unit["kind"] == kind and unit.get("island", False) == place.island
    ]
    if not there:
        return None
    minutes, unit = min(there, key=lambda one: (one[0], one[1]["id"]))
    return {
        "unit": unit["id"],
        "kind": kind,
        "station": unit["station"],
        "eta_minutes": round(minutes, 1),
    }


def hospital_for(report: str, place: Place) -> str:
    """The nearest hospital that takes what was reported."""
    care = protocol_for(report).get("care", "trauma")
    fit = [one for one in source("city")["hospitals"] if care in one["emergency_care"]]
    return str(min(fit, key=lambda one: _minutes(one, place))["name"]) if fit else ""


def _minutes(thing: dict[str, Any], place: Place) -> float:
    return _TURN_OUT + _MINUTES_A_KM * math.hypot(thing["x"] - place.x, thing["y"] - place.y)
