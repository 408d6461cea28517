"""Words for the demo model: what a message says, cut into clauses of words and concepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Words that mean the same to a tool's name. One word may stand in several groups.
_GROUPS = {
    "create": "create add make save store write remember record jot insert put keep remind new",
    "delete": "delete remove forget erase drop discard",
    "list": "list show display enumerate",
    "search": "search find lookup look query",
    "update": "update change edit rename modify replace",
    "send": "send mail email notify",
    "calculate": "calculate calculator calculation compute evaluate calc arithmetic math sum "
    "average product expression sqrt percent percentage",
    "time": "time clock hour oclock now date day today weekday",
    "note": "note memo reminder remember remind jot",
    "weather": "weather forecast temperature rain",
    "delegate": "delegate ask assign",
}
ACTIONS = frozenset({"create", "delete", "list", "search", "update", "send"})
WRITES = frozenset({"create", "delete", "update", "send"})


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs that change something. A tool that begins with one does only what is ordered by that verb.
ORDERS = word_set(
    "restart reboot start stop cancel close reopen set reset send pay refund credit charge book "
    "transfer order buy sell export import publish deploy approve reject page call notify revoke "
    "grant block unblock suspend resume archive restore rename move merge submit assign ask "
    "escalate create add delete remove erase drop update change edit replace"
)
# Verbs that say little in front of what is done: "process_refund" is a refund.
LIGHT = word_set("process issue perform execute handle generate make")
# "open a ticket", "file an issue": making one, where "open the file" isn't.
_OPENED = re.compile(r"\b(?:open|raise|file|log)\s+(?:me\s+)?(?:a|an|another|new)\b", re.IGNORECASE)

_QUESTION = word_set(
    "what what's whats when when's where where's who who's which how how's why is are am was were "
    "do does did can could would will should may has"
)
_REQUEST = re.compile(
    r"(?:please|tell me|give me|let me (?:know|see|have)|let's|i need|i want|i would like|i'd like"
    r"|don't forget|go ahead|check|get|read|open|run|use|call|try|work out|solve)\b"
)
_NO_REQUEST = re.compile(
    r"(?:have a|have fun|hello|hi|hey|thanks|thank you|good|bye|ok|okay|no|yes"
    r"|(?:do|did) you (?:still )?(?:remember|recall|know)|can you remember (?:what|my|who|where))\b"
)
_SALUTATION = re.compile(
    r"(?:hello|hi|hey|thanks|thank you|ok|okay|yes|no|well|so)(?: there)?[,!]\s+(?=\S)",
    re.IGNORECASE,
)
STOP = word_set(
    "a an the my your our his her its their this that these those me i you we he she it they them "
    "is are am was were be been do does did have has had can could would will should may might "
    "to of in on at for from by with about as and or but not no yes please what which who whom "
    "when where why how there here just also too so then than some any all if into"
)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)'[^']+'(?!\w)")
_SENTENCE = re.compile(r"(?<=[.?!;])\s+|\n+")
_THEN = re.compile(r"(?:[,;.]?\s+(?:and\s+)?(?:then|after that|afterwards)[,:]?\s+)", re.IGNORECASE)
_JOINT = re.compile(r",?\s+and\s+(?:also\s+)?|,\s+(?:also\s+)?|\s+also\s+", re.IGNORECASE)
# After "and", these begin a new wish even behind free text.
_STARTER = re.compile(
    r"(?:what(?:'s)?|when|where|who|which|how|tell me|show|list|delete|calculate|compute|give me"
    r"|please|remember|remind me|note)\b",
    re.IGNORECASE,
)
_MOST_CUTS = 6  # of one clause: each is tried against every tool


@dataclass(frozen=True, slots=True)
class Clause:
    """One wish of a message. `then` says that it must wait for the ones before it."""

    text: str
    words: tuple[str, ...]
    concepts: frozenset[str]
    request: bool
    then: bool = False

    @property
    def content(self) -> frozenset[str]:
        """The stems that carry meaning."""
        return frozenset(stem(word) for word in self.words if word not in STOP)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """A crude stem: enough to make "notes", "policies" and "calculating" meet their tools."""
    word = word.lower().removesuffix("'s").removesuffix("\u2019s")
    if word == "news":  # which nobody makes more than one of
        return word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


_CONCEPTS: dict[str, frozenset[str]] = {}
for _name, _members in _GROUPS.items():
    for _member in _members.split():
        _CONCEPTS[stem(_member)] = _CONCEPTS.get(stem(_member), frozenset()) | {_name}


def concepts_of(word: str) -> frozenset[str]:
    """The groups a word belongs to, or its own stem."""
    stemmed = stem(word)
    return _CONCEPTS.get(stemmed, frozenset()) or frozenset({stemmed})


def words_of(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+(?:['\u2019][^\W_]+)?", _joined(text.lower())))


def _joined(text: str) -> str:
    """Words that are one, though they are written as two."""
    return text.replace("o'clock", "oclock").replace("to-do", "todo")


def quoted(text: str) -> list[str]:
    """The strings in quotation marks, without them."""
    return [match.group()[1:-1].strip() for match in _QUOTED.finditer(text)]


def clause(text: str, *, then: bool = False) -> Clause:
    text = _SALUTATION.sub("", text.strip())
    words = words_of(masked(text)) or words_of(text)
    meanings = frozenset(concept for word in words for concept in concepts_of(word))
    first = words[0] if words else ""
    if first in ("note", "memo", "reminder"):  # "note that ...", "note: ..."
        meanings |= {"create", "note"}
    if _OPENED.search(text):
        meanings |= {"create"}
    lowered = text.lower()
    request = not _NO_REQUEST.match(lowered) and (
        text.endswith("?")
        or first in _QUESTION
        or bool(_REQUEST.match(lowered))
        or bool(concepts_of(first) & (ACTIONS | {"calculate", "delegate"}))
        or first in ("note", "memo", "reminder")
        or first in ORDERS | LIGHT
        or (0 < len(words) <= 4 and first not in ("i", "i'm", "it", "he", "she", "we", "they"))
    )
    return Clause(text, words, meanings, request, then)


def masked(text: str) -> str:
    """The text with what is quoted blanked out, of the same length."""
    return _QUOTED.sub(lambda match: "\x1a" * len(match.group()), text)


def sentences(message: str) -> list[Clause]:
    """The clauses that stand apart by themselves: sentences, and what follows a "then"."""
    found: list[Clause] = []
    for sentence in _cut(message, _SENTENCE):
        for number, part in enumerate(_cut(sentence, _THEN)):
            then = number > 0
            lead = re.match(
                r"(?:and\s+)?(?:then|after that|afterwards)[,:]?\s+", part, re.IGNORECASE
            )
            if lead:
                part, then = part[lead.end() :], True
            if part.strip():
                found.append(clause(part, then=then))
    return found


def halves(whole: Clause, *, only_at_starters: bool) -> list[tuple[Clause, Clause]]:
    """The ways to cut a clause in two at an "and" or a comma, first cut first."""
    cuts: list[tuple[Clause, Clause]] = []
    for joint in _JOINT.finditer(masked(whole.text)):
        left, right = whole.text[: joint.start()], whole.text[joint.end() :]
        if not left.strip() or not right.strip():
            continue
        if only_at_starters and not _STARTER.match(right):
            continue
        if len(cuts) == _MOST_CUTS:
            break
        second = clause(right)
        if whole.text.endswith("?"):
            left += "?"
        cuts.append((clause(left, then=whole.then), second))
    return cuts


def _cut(text: str, pattern: re.Pattern[str]) -> list[str]:
    parts, start = [], 0
    for match in pattern.finditer(masked(text)):
        parts.append(text[start : match.start()])
        start = match.end()
    parts.append(text[start:])
    return [part for part in parts if part.strip()]
