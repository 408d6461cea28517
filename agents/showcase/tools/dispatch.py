"""Incidents from the call to the units that are on their way: opened, reserved for, dispatched."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from django.utils import timezone
from pydantic import Field

from agents.showcase.models import Dispatch, Incident, UnitReservation
from agents.showcase.sources import NOTE, source
from agents.showcase.tools.city import TOOLKIT, Kind, hospital_for, nearest, place_of
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

_Location = Annotated[
    str, Field(min_length=1, max_length=200, description="Where it happened, such as a square")
]
_Number = Annotated[int, Field(ge=1, le=2**63 - 1, description="The incident's number")]


class NewIncident(Arguments):
    report: Annotated[
        str,
        Field(min_length=3, max_length=4_000, description="What was reported, in its own words"),
    ]
    location: _Location


class Reservation(Arguments):
    incident: _Number
    location: _Location
    kinds: Annotated[
        list[Kind], Field(min_length=1, max_length=8, description="Which kinds of units it needs")
    ]


class IncidentChoice(Arguments):
    incident: _Number


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT)
def open_incident(context: ToolContext, args: NewIncident) -> dict[str, Any]:
    """Open an incident for a report. Returns its number."""
    opened = Incident.of_call(context) or Incident.write(
        context, report=args.report, location=args.location
    )
    return {
        "incident": opened.pk,
        "location": opened.location,
        "on_the_map": place_of(opened.location).known,
    }


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT)
def reserve_units(context: ToolContext, args: Reservation) -> dict[str, Any]:
    """Reserve the nearest unit of each kind for an incident, and find its hospital. Nobody moves
    yet: units are dispatched once the reservation was verified.
    """
    made = UnitReservation.of_call(context)
    if made is None:
        incident = _find(args.incident)
        place = place_of(args.location)
        away = _free_in()
        found = [nearest(kind, place, away) for kind in dict.fromkeys(args.kinds)]
        made = UnitReservation.write(
            context,
            incident=incident,
            units=[unit for unit in found if unit is not None],
            hospital=hospital_for(incident.report, place),
        )
    kinds = [unit["kind"] for unit in made.units]
    missing = [kind for kind in dict.fromkeys(args.kinds) if kind not in kinds]
    return {
        "incident": made.incident_id,
        "units": made.units,
        "kinds": kinds,
        "missing": missing,
        "hospital": made.hospital,
        "source": NOTE,
    }


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, transactional=True, toolkit=TOOLKIT)
def dispatch_units(context: ToolContext, args: IncidentChoice) -> dict[str, Any]:
    """Dispatch the units that are reserved for an incident. Done once: asked again, it tells what
    was dispatched.
    """
    incident = _find(args.incident)
    done = Dispatch.of_call(context) or Dispatch.objects.filter(incident=incident).first()
    if done is None:
        reserved = incident.reservations.first()
        if reserved is None or not reserved.units:
            raise ToolError(f"nothing is reserved for incident {incident.pk}: reserve units first")
        done = Dispatch.write(
            context, incident=incident, units=reserved.units, hospital=reserved.hospital
        )
    return {
        "status": "dispatched",
        "incident": incident.pk,
        "kinds": [unit["kind"] for unit in done.units],
        "units": done.units,
        "hospital": done.hospital,
        "dispatched_at": done.at.isoformat(),
        "source": NOTE,
    }


def _find(number: int) -> Incident:
    """Locked, so that it is dispatched once. Raises ToolError."""
    found = Incident.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise ToolError(f"there is no incident {number}; open_incident gives its number")
    return found


def _free_in() -> dict[str, float]:
    """Minutes until the units that are on a call are free again, by their ids."""
    minutes = source("city")["minutes_on_call"]
    now = timezone.now()
    recent = Dispatch.objects.filter(at__gt=now - timedelta(minutes=minutes))
    found: dict[str, float] = {}
    for units, at in recent.order_by("at").values_list("units", "at"):
        left = minutes - (now - at).total_seconds() / 60
        for unit in units:
            found[unit["unit"]] = left
    return found
