"""Finding things by pattern, in a whole text or in one that is still coming.

Of a text that is still coming, what is found depends on what follows. `Scanner.settled` says up to
where nothing that follows can change anything: a pattern followed by a character that no text has
can't match whole, but it matches in part wherever the text's end could still become a match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import regex

DIGITS = ("digits",)
"""For `Detector.needs`: eight digits or more, wherever they are."""

_MANY_DIGITS = re.compile(r"(?:[0-9][^0-9]*){8}")
_NEVER = "\uffff"

End = Callable[[str, int, int], int | None]


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of thing, as a pattern in three parts.

    `before` and `after` look at no more than one character, `body` looks nowhere but at itself.
    A text without any of `needs` has no match. `end` says of a candidate where what counts of it
    ends, or None: it is none. It may look at one character after the candidate.
    """

    what: str
    needs: tuple[str, ...]
    body: str
    before: str = ""
    after: str = ""
    end: End | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` to `end`, found by the scanner's detector number `detector`."""

    start: int
    end: int
    detector: int


class Scanner:
    """Detectors made ready. Immutable: one is shared by all runs of a plan."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        self.detectors = tuple(detectors)
        self._patterns = [
            re.compile(f"{one.before}(?:{one.body}){one.after}") for one in self.detectors
        ]
        literals = {n for one in self.detectors if one.needs is not DIGITS for n in one.needs}
        # What most texts have none of, asked at once; "" is in every text.
        either = "|".join(map(re.escape, sorted(literals)))
        self._any_need = re.compile(either if literals else r"(?!)")
        bodies = "|".join(f"{one.before}(?:{one.body})" for one in self.detectors)
        # Any: the module's stub knows no `partial`.
        self._unfinished: Any = regex.compile(f"(?:{bodies}){_NEVER}")

    def find(self, text: str, begin: int = 0) -> list[Found]:
        """All that is found from `begin` on, in order of their starts; they may overlap."""
        found: list[Found] = []
        digits = _MANY_DIGITS.search(text, begin) is not None
        if not digits and self._any_need.search(text, begin) is None:
            return found
        for number, one in enumerate(self.detectors):
            if one.needs is DIGITS:
                if not digits:
                    continue
            elif not any(text.find(needed, begin) >= 0 for needed in one.needs):
                continue
            found.extend(self._find_one(number, one, text, begin))
        found.sort(key=lambda each: (each.start, -each.end))
        return found

    def _find_one(self, number: int, one: Detector, text: str, begin: int) -> Iterable[Found]:
        pattern, at = self._patterns[number], begin
        while match := pattern.search(text, at):
            start, end = match.span()
            if one.end is None:
                until: int | None = end
            else:
                until = one.end(text, start, end)
            if until is None:  # a false start: what counts may begin inside of it
                at = start + 1
                continue
            yield Found(start, until, number)
            at = until

    def settled(self, text: str, begin: int) -> tuple[int, list[Found]]:
        """Up to where the text is settled, and what is found from `begin` to there."""
        unfinished = self._unfinished.search(text, begin, partial=True)
        cut = len(text) if unfinished is None else unfinished.start()
        if cut <= begin:
            return begin, []
        found = self.find(text, begin)
        # What reaches over the cut is given out whole or not at all.
        moved = True
        while moved:
            moved = False
            for each in found:
                if each.start < cut < each.end:
                    cut, moved = each.start, True
        return cut, [each for each in found if each.end <= cut]
