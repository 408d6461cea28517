"""Searching a small corpus of texts: BM25 over title, topics and text, all in memory."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from agents.showcase.sources import source

_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    """
    a an and are about above all as at be by can could did do does during find for found findings
    from has have how i in into is it its latest look me more most my new news of on or our out over
    please read recent recently report reported published say says search show summarise summary
    tell that the their them then there these they this to unknown up us was we web what when where
    which who why will with would write article briefing you your
    """.split()  # noqa: SIM905 - a list of a hundred strings is no easier to read
)
_K, _B = 1.4, 0.7
_TITLE_WEIGHT = 3  # a word of the title counts as so many of the text


def terms(text: str) -> list[str]:
    """The words that mean something, crudely stemmed so that plurals meet."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@cache
def _index(name: str) -> tuple[list[dict[str, Any]], list[Counter[str]], dict[str, float], float]:
    """The entries of a data file with their words, how rare each word is, and the mean length."""
    entries: list[dict[str, Any]] = source(name)["entries"]
    counts = [
        Counter(
            terms(entry["title"]) * _TITLE_WEIGHT
            + terms(" ".join(entry.get("topics", ()))) * _TITLE_WEIGHT
            + terms(entry["text"])
        )
        for entry in entries
    ]
    known = Counter(term for count in counts for term in count)
    total = len(entries)
    rare = {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in known.items()}
    return entries, counts, rare, sum(sum(count.values()) for count in counts) / max(total, 1)


def search(name: str, query: str, limit: int, kinds: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The entries of a data file that have most to do with the query, best first.

    One that shares a common word alone isn't found: half of what the best one has is needed.
    """
    entries, counts, rare, mean = _index(name)
    wanted = set(terms(query))
    scored = []
    for entry, count in zip(entries, counts, strict=True):
        if kinds and entry.get("kind") not in kinds:
            continue
        length = sum(count.values())
        score = sum(
            rare[term] * count[term] * (_K + 1) / (count[term] + _K * (1 - _B + _B * length / mean))
            for term in sorted(wanted & count.keys())
        )
        if score > 0:
            scored.append((score, entry))
    scored.sort(key=lambda pair: -pair[0])
    return [entry for score, entry in scored[:limit] if score >= scored[0][0] / 2]
