"""Time zones by the names that people use: IANA names in any case, cities, offsets from UTC."""

from __future__ import annotations

import difflib
import re
import unicodedata
import zoneinfo
from datetime import timedelta, timezone, tzinfo
from functools import cache

# Large cities that the zone database does not name, because a neighbour stands for their zone.
_CITIES = {
    "america/los_angeles": "san_francisco seattle san_diego las_vegas portland silicon_valley",
    "america/new_york": "new_york_city nyc washington boston miami philadelphia atlanta",
    "america/chicago": "dallas houston austin minneapolis new_orleans",
    "america/toronto": "ottawa montreal",
    "america/sao_paulo": "rio rio_de_janeiro brasilia",
    "europe/london": "manchester birmingham edinburgh glasgow",
    "europe/berlin": "munich hamburg frankfurt cologne stuttgart",
    "europe/madrid": "barcelona valencia seville",
    "europe/rome": "milan naples turin florence venice",
    "europe/paris": "lyon marseille nice",
    "europe/zurich": "geneva basel bern",
    "europe/amsterdam": "rotterdam the_hague",
    "asia/kolkata": "mumbai delhi new_delhi bangalore bengaluru chennai hyderabad",
    "asia/shanghai": "beijing shenzhen guangzhou",
    "asia/tokyo": "osaka kyoto yokohama",
    "asia/jerusalem": "tel_aviv",
    "asia/dubai": "abu_dhabi",
    "africa/johannesburg": "cape_town durban",
}
_NO_PLACES = {"localtime", "Factory"}  # the server's own setting, and the lack of one
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])([0-9]{1,2})(?::?([0-5][0-9]))?")
_LARGEST_OFFSET = timedelta(hours=14)


class UnknownZone(ValueError):
    """No zone or city has that name; the message suggests names that are close."""


def find_zone(name: str) -> tuple[str, tzinfo]:
    """The zone's proper name and rules. Raises `UnknownZone`."""
    wanted = _folded(name)
    found = _zones().get(wanted) or _cities().get(wanted)
    if found is not None:
        return found, zoneinfo.ZoneInfo(found)
    fixed = _fixed(wanted)
    if fixed is not None:
        return str(fixed), fixed
    raise UnknownZone(_suggestion(name, wanted))


def _folded(name: str) -> str:
    """`São Paulo` and `sao_paulo` are the same, as are `Tokyo, Japan` and `Tokyo`."""
    plain = unicodedata.normalize("NFKD", name.split(",")[0])
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return "_".join(letters.casefold().split())


@cache
def _zones() -> dict[str, str]:
    # Asking for the names reads the whole zone folder: tens of milliseconds, once a process.
    names = zoneinfo.available_timezones() - _NO_PLACES
    return {name.casefold(): name for name in sorted(names)}


@cache
def _cities() -> dict[str, str]:
    """Last part of a zone's name -> the zone; of several, the shortest, as the others are links."""
    cities: dict[str, str] = {}
    for name in sorted(_zones().values(), key=lambda name: (len(name), name)):
        region, slash, city = name.rpartition("/")
        if slash and region != "Etc":
            cities.setdefault(city.casefold(), name)
    for zone, others in _CITIES.items():
        if zone in _zones():
            cities.update(dict.fromkeys(others.split(), _zones()[zone]))
    return cities


def _fixed(wanted: str) -> timezone | None:
    match = _OFFSET.fullmatch(wanted.replace("_", ""))
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if offset > _LARGEST_OFFSET:
        return None
    return timezone(-offset if match[1] == "-" else offset)


def _suggestion(name: str, wanted: str) -> str:
    proper = {**_cities(), **_zones()}
    close = difflib.get_close_matches(wanted, proper, n=4, cutoff=0.7)
    city = wanted.rpartition("/")[2]  # the right city in the wrong region: Europe/Tokyo
    if city in proper:
        close.insert(0, city)
    suggestions = list(dict.fromkeys(proper[match] for match in close))[:4]
    if suggestions:
        hint = f"did you mean {' or '.join(suggestions)}?"
    else:
        hint = "give an IANA name such as Europe/Berlin, or an offset such as UTC+2"
    return f"there is no time zone {name[:64]!r}: {hint}"
