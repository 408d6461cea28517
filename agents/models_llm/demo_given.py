"""What a message brings along beside what it asks: inputs by their names, sections of material.

Tasks of teams and workflows are built so: what is to be done, then "What you are given:" with a
line for each input, or sections under headings.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_GIVEN = re.compile(r"^What you are given:\n", re.MULTILINE)
_SENT_BACK = re.compile(r"^Your last answer was sent back:\n", re.MULTILINE)
_HEADING = re.compile(r"^## (.+)\n?", re.MULTILINE)
_INPUT = re.compile(r"^- ([A-Za-z][\w-]*): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Brought:
    """`asked` is what is to be done; `sections` the material by its headings; `named` single
    values by their names, in JSON where they are.
    """

    asked: str
    sections: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, str], ...]

    @property
    def named(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in self.inputs:
            found.setdefault(name, _read(value))
        for heading, text in self.sections:
            found.setdefault(heading.lower().replace(" ", "_"), text)
        return found


@lru_cache(maxsize=256)
def brought(message: str) -> Brought:
    """A message taken apart. One that brings nothing is all asked."""
    sent_back = _SENT_BACK.search(message)
    told = ""
    if sent_back:
        message, told = message[: sent_back.start()], message[sent_back.start() :]
    given = _GIVEN.search(message)
    if given:
        block = message[given.end() :].strip()
        asked = f"{message[: given.start()].strip()}\n\n{told}".strip()
        return Brought(asked, (("What is given", block),), tuple(_INPUT.findall(block)))
    first = _HEADING.search(message)
    if first is None or not message[: first.start()].strip():
        return Brought(f"{message}{told}", (), ())
    pieces = _HEADING.split(message[first.start() :])[1:]
    sections = tuple(
        (heading.strip(), text.strip()) for heading, text in zip(*[iter(pieces)] * 2, strict=True)
    )
    return Brought(f"{message[: first.start()].strip()}\n\n{told}".strip(), sections, ())


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
