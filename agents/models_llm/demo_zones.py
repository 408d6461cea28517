"""Finds time zones in a sentence: by their names, by cities, by some countries."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import available_timezones

from agents.models_llm.demo_words import word_set

# Cities and countries people name that are no zone of their own.
_OTHERS = {
    "beijing": "Asia/Shanghai",
    "delhi": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata",
    "india": "Asia/Kolkata",
    "china": "Asia/Shanghai",
    "japan": "Asia/Tokyo",
    "germany": "Europe/Berlin",
    "munich": "Europe/Berlin",
    "hamburg": "Europe/Berlin",
    "france": "Europe/Paris",
    "italy": "Europe/Rome",
    "milan": "Europe/Rome",
    "spain": "Europe/Madrid",
    "barcelona": "Europe/Madrid",
    "geneva": "Europe/Zurich",
    "switzerland": "Europe/Zurich",
    "england": "Europe/London",
    "uk": "Europe/London",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "boston": "America/New_York",
    "washington": "America/New_York",
    "utc": "UTC",
    "gmt": "UTC",
}
_CONTINENTS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_PLACE = re.compile(
    r"\b(?:in|at|for|of|near)\s+((?:the\s+)?[^\W\d_][\w'\u2019.-]*(?:[ ][A-Z][\w'\u2019.-]*)*)",
    re.UNICODE,
)
_NO_PLACE = word_set("the a an my your this that it me us you here there now what time")


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    cities = dict(_OTHERS)
    for zone in sorted(available_timezones()):
        continent, _, city = zone.rpartition("/")
        if continent.partition("/")[0] in _CONTINENTS:
            cities.setdefault(city.replace("_", " ").lower(), zone)
    return cities


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {zone.lower(): zone for zone in available_timezones() if "/" in zone}


def zones(text: str) -> list[str]:
    """The zones a text names, in order. A place that is no known city is given as it stands, so
    that the tool can say what is wrong with it.
    """
    found: list[tuple[int, str]] = []
    for match in re.finditer(r"\b[A-Za-z]+(?:/[A-Za-z_+\-0-9]+)+", text):
        name = _names().get(match.group().lower())
        if name or match.group()[0].isupper():
            found.append((match.start(), name or match.group()))
    spans = list(re.finditer(r"[^\W\d_]+", text))
    at = 0
    while at < len(spans):
        for length in (3, 2, 1):
            span = spans[at : at + length]
            phrase = " ".join(word.group().lower() for word in span)
            before = text[span[0].start() - 1 : span[0].start()]
            if len(span) == length and phrase in _cities() and before not in ("/", "_"):
                found.append((span[0].start(), _cities()[phrase]))
                at += length - 1
                break
        at += 1
    if not found:
        found = [
            (match.start(1), match.group(1))
            for match in _PLACE.finditer(text)
            if match.group(1).split()[0].lower() not in _NO_PLACE
        ]
    return list(dict.fromkeys(zone for _, zone in sorted(found)))


def places(text: str) -> list[str]:
    """What stands behind "in", "at" or "for" and looks like the name of a place."""
    return [
        match.group(1).rstrip(".")
        for match in _PLACE.finditer(text)
        if match.group(1).split()[0].lower() not in _NO_PLACE
    ]
