"""What a sentence mentions: people, things by their names, money, reasons, and what to ask."""

from __future__ import annotations

import re

from agents.models_llm.demo_words import ORDERS, STOP, quoted, stem

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Two words or more with capitals, "Ada Lovelace"; or one behind a word that leads to a person.
_CAPITAL = r"[^\W\d_a-z][\w'\u2019-]*[a-z\u00df-\u00ff]"
_PEOPLE = re.compile(rf"{_CAPITAL}(?:\s+{_CAPITAL})+")
_PERSON = re.compile(rf"\b(?:of|for|to|from|customer|user|member|account)\s+({_CAPITAL})")
_POSSESSIVE = re.compile(r"['\u2019]s$")
_NAMED_BY = re.compile(
    r"(?:the\s+)?(?:(?P<mail>e-?mail(?:\s+address)?)(?P<or>\s+or\s+(?:full\s+)?name)?"
    r"|(?P<person>full\s+name)|(?:user)?name)\b(?:\s+of\s+(?:the\s+|an?\s+)?(?P<kind>\w+))?",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because(?:\s+of)?|due\s+to|on\s+the\s+grounds\s+that|(?:the\s+)?reason(?:\s+is|:))\s+"
    r"(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_CURRENCY = r"(?:[€$£]|\b(?:EUR|USD|CHF|GBP|euros?|dollars?|francs?|pounds?)\b)"
_FIGURE = r"(\d{1,12}(?:,\d{3})*(?:\.\d{1,4})?)"
_MONEY = re.compile(rf"{_CURRENCY}\s?{_FIGURE}|(?<![\w.]){_FIGURE}\s?{_CURRENCY}", re.IGNORECASE)
_ASK = re.compile(
    r"(?:(?:please|can you|could you|would you|i want you to)\s+)*ask\s+(?:me|us|the user)\b"
    r"\s*(?:(?:a|some|your)?\s*questions?\b)?\s*(?P<how>about|whether|if)?[:,]?\s*(?P<what>.*)",
    re.IGNORECASE | re.DOTALL,
)
_WHAT_I = re.compile(
    r"(?P<wh>(?:what|which|where|when|how|who|why)\b.*?)\s+(?:I|we)\s+(?P<rest>.+)", re.I
)
_LIST = re.compile(
    r"((?:[\w'-]+,\s*)*[\w'-]+),?\s+or\s+(?:an?\s+|the\s+)?([\w'-]+)\s*[.?!]*$", re.IGNORECASE
)
_BETWEEN = re.compile(r"\bbetween\s+(.+?)\s+and\s+(.+?)\s*[.?!]*$", re.IGNORECASE)
_BEHIND_COLON = re.compile(r"\w\s?:\s+(.+)$", re.DOTALL)
_MODALS = ("would", "should", "could", "can", "will", "may", "must")


def named(description: str, text: str, nouns: frozenset[str]) -> list[str] | None:
    """The names in a text, for a parameter that is described as one: "E-mail address or full name
    of ...", "Name of the service ...". None for a parameter that isn't.
    """
    how = _NAMED_BY.match(description.strip())
    if how is None:
        return None
    if how["mail"]:
        return _EMAIL.findall(text) + (people(text) if how["or"] else [])
    if how["person"]:
        return people(text)
    return things((how["kind"] or "name").lower(), text, nouns)


def people(text: str) -> list[str]:
    """Names of people, as far as capitals show them."""
    found = []
    for match in _PEOPLE.finditer(text):
        name = match.group()
        first, _, rest = name.partition(" ")
        if match.start() == 0 and (first.lower() in ORDERS or first.lower() in STOP):
            name = rest
        found.append(name)
    found = [name for name in found if " " in name] or _PERSON.findall(text)
    return [_POSSESSIVE.sub("", name) for name in found]


def things(kind: str, text: str, nouns: frozenset[str]) -> list[str]:
    """The name of a thing of this kind: "the billing service", "service billing", "on billing"."""
    marked = [found for found in quoted(text) if len(found.split()) <= 3]
    if marked:  # longer ones are what somebody said
        return marked
    word = r"([^\W_][\w-]*)"
    for pattern in (
        rf"\b{kind}s?\s+(?:called|named)\s+{word}",
        rf"\b{word}\s+{kind}s?\b",
        rf"\b{kind}s?\s+{word}",
        rf"\b(?:on|of|for|at)\s+(?:the\s+|our\s+|my\s+)?{word}",
        rf"^(?:please\s+)?[\w-]+\s+(?:the\s+|our\s+|my\s+)?{word}",
    ):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            name = match.group(1)
            plain = name.lower()
            if plain not in STOP and plain not in ORDERS and stem(plain) not in nouns | {kind}:
                return [name]
    return []


def reasons(text: str) -> list[str]:
    """What stands behind "because" and the like."""
    match = _REASON.search(text)
    return [match.group(1).strip().rstrip(".!? ")] if match else []


def amounts(text: str) -> list[str]:
    """The numbers that stand beside a currency."""
    return [before or behind for before, behind in _MONEY.findall(text)]


def question(text: str) -> list[str]:
    """The question that "ask me what I prefer" is meant to bring: "What do you prefer?"."""
    match = _ASK.match(text.strip())
    what = match["what"].strip() if match else ""
    if match is None or not what:
        return []
    if not what.endswith("?"):
        what = re.split(r"\s?:\s+", what, maxsplit=1)[0].rstrip(".! ")
        what = _turned(what, (match["how"] or "").lower())
    return [what[:1].upper() + what[1:]]


def _turned(what: str, how: str) -> str:
    asks = _WHAT_I.fullmatch(what)
    if asks:
        return f"{asks['wh']} {_verb(asks['rest'])}?"
    own = re.fullmatch(r"(?:I|we)\s+(.+)", what, re.IGNORECASE)
    if own and how in ("whether", "if"):
        return f"{_verb(own.group(1))}?"
    yours = re.sub(r"\b(?:my|our)\b", "your", what, flags=re.IGNORECASE)
    return f"What about {yours}?" if how == "about" else f"{yours}?"


def _verb(rest: str) -> str:
    """ "prefer tea" as "do you prefer tea", "would like" as "would you like"."""
    first, _, others = rest.partition(" ")
    others = re.sub(r"\b(?:my|our)\b", "your", others, flags=re.IGNORECASE)
    if first.lower() in _MODALS:
        return f"{first} you {others}".strip()
    if first.lower() in ("am", "are"):
        return f"are you {others}".strip()
    return f"do you {first} {others}".strip()


def choices(text: str) -> list[str]:
    """The answers to choose from: quoted, behind a colon, "between A and B", "A, B or C"."""
    marked = quoted(text)
    if len(marked) > 1:
        return marked
    behind = _BEHIND_COLON.search(text)
    if behind:
        parts = re.split(
            r",\s*(?:or\s+|and\s+)?|\s+or\s+|\s+and\s+", behind.group(1).rstrip(".?! ")
        )
        return [part.strip() for part in parts if part.strip()]
    between = _BETWEEN.search(text)
    if between:
        return [between.group(1), between.group(2)]
    listed = _LIST.search(text)
    if listed:
        return [*re.split(r",\s*", listed.group(1)), listed.group(2)]
    return []
