"""Values for a tool's parameters, taken from a message by the parameter's schema and name."""

from __future__ import annotations

import re
from typing import Any

from agents.models_llm.demo_arithmetic import expressions
from agents.models_llm.demo_mentions import amounts, choices, named, people, question, reasons
from agents.models_llm.demo_words import Clause, quoted, stem, words_of
from agents.models_llm.demo_zones import places, zones

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:?!)]")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_MOMENT = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|\.\d)")
_TICKER = re.compile(r"\b(?!(?:EUR|USD|CHF|GBP|JPY|CEO|CFO|API|PDF|FAQ)\b)[A-Z]{3,5}\b")
_FILE = re.compile(r"(?<![\w/])[\w-]+(?:/[\w.-]+)*\.[A-Za-z]{1,5}\b|\bREADME\b")
_CODE = re.compile(r"\b[A-Z]{2,}-\d+\b")
_SPOKEN = re.compile(
    r"\b(?:saying|that says|which says|reading|with (?:the )?(?:text|content|message|words))"
    r"[:,]?\s+(.+)",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(
    r"\b(?:called|named|titled|entitled)\s+(.+?)(?=\s+(?:saying|with|that|and)\b|[,:]|[.?!]?$)",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\b(?:about|containing|with|for|on|regarding|matching)\s+(.+)", re.IGNORECASE)
_COLON = re.compile(r"(?<=[^\W\d_])\s?:\s+(.+)", re.DOTALL)
_OPENING = re.compile(
    r"(?:(?:please|can you|could you|would you|and|also|don't forget to)\s+)*"
    r"(?:(?:remember|remind me|jot down|jot|write down|note down|note|memo|record|save|store"
    r"|keep in mind)\b)\s*(?:this|the following)?\s*(?:that|to|about|down|:|,)?\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)
_TOPIC = re.compile(r"\b(?:about|regarding|that)\s+(.+)", re.IGNORECASE | re.DOTALL)
_LIMITS = frozenset({"limit", "count", "max", "top", "n", "size", "maximum"})
_FILTERS = frozenset({"contains", "containing", "filter", "keyword", "match", "matching", "prefix"})
QUERIES = frozenset({"query", "question", "q", "search", "topic", "term", "terms"})
_WHOLE = frozenset({"task", "instruction", "instructions", "request", "prompt", "input"})
_TITLES = frozenset({"title", "heading", "label", "subject", "name"})
_PLACES = frozenset({"city", "place", "location", "country", "town", "address", "destination"})
_MONEY = frozenset({"amount", "price", "sum", "total", "cost", "fee"})
_REASONS = frozenset({"reason", "why", "cause", "justification"})
_CHOICES = frozenset({"choices", "options", "alternatives"})
_SYMBOLS = frozenset({"symbol", "symbols", "ticker"})
_FILES = frozenset({"path", "file", "filename"})
_OLD = frozenset({"old", "before"})
_NEW = frozenset({"new", "replacement"})
_MATHS = frozenset({"expression", "formula", "equation", "calculation", "expr", "math"})


def candidates(
    name: str, schema: dict[str, Any], clause: Clause, nouns: frozenset[str], required: bool
) -> list[Any]:
    """What the clause offers for a parameter, best first; several of an id or a zone are several
    wishes. `nouns` are what the tool is about ("note"), so that "note 3" is known for its id.
    """
    said = _stated(name, clause.text)
    if said is not None:
        return _coerced([said], schema)
    words = frozenset(words_of(name.replace("_", " ")))
    kind = schema.get("type", "string")
    if schema.get("enum"):
        described = _by_description(schema, clause)
        return _of_enum(schema["enum"], clause.text) if described is None else described
    if kind in ("integer", "number"):
        return _coerced(_numbers(words, clause, nouns, required), schema)
    if kind == "boolean":
        named = bool(words & set(clause.words))
        return [not re.search(r"\b(?:not|no|without|don't)\b", clause.text)] if named else []
    if kind == "array":
        return _array(name, schema, clause, nouns, required)
    if kind == "string":
        return _strings(words, schema, clause, nouns, required)
    return []


def _stated(name: str, text: str) -> str | None:
    """`limit=5` or `limit: 5` in the message, for whoever knows the parameters."""
    match = re.search(rf"\b{re.escape(name)}\s?=\s?(\"[^\"]*\"|[^\s,;]+)", text)
    return match.group(1).strip('"') if match else None


def _coerced(values: list[Any], schema: dict[str, Any]) -> list[Any]:
    kind = schema.get("type", "string")
    if kind not in ("integer", "number"):
        return values
    found: list[Any] = []
    for value in values:
        try:
            number = float(str(value).replace(",", ""))
        except ValueError:
            continue
        if number.is_integer():
            found.append(int(number))
        elif kind == "number":
            found.append(number)
    return found


def _of_enum(values: list[Any], text: str) -> list[Any]:
    def position(value: Any) -> int:
        # Of "refunds" a message may speak in the singular.
        spelled = re.escape(re.sub(r"(?<=\w{3})s$", "", str(value))).replace("_", "[ _-]")
        match = re.search(rf"\b{spelled}(?:s|es)?\b", text, re.IGNORECASE)
        return match.start() if match else -1

    found = [(position(value), value) for value in values]
    return [value for at, value in sorted(found, key=lambda pair: pair[0]) if at >= 0]


def _by_description(schema: dict[str, Any], clause: Clause) -> list[Any] | None:
    """Of values that the description explains, "billing: charge, invoice. account: ...", the one
    that has most to do with the text; None for a schema that explains none.
    """
    said, text = clause.content, clause.text.lower()
    told = str(schema.get("description", "")) + " "
    found: list[tuple[int, Any]] = []
    explained = False
    for value in schema["enum"]:
        match = re.search(rf"(?<![\w-]){re.escape(str(value))}: ([^.:]+)\.\s", told)
        if match is None:
            continue
        explained = True
        signs = [sign.strip().lower() for sign in match[1].split(",")]
        hits = sum(
            sign in text if " " in sign or "'" in sign else stem(sign) in said
            for sign in (*signs, str(value))
        )
        if hits:
            found.append((-hits, value))
    return [value for _, value in sorted(found, key=lambda one: one[0])] if explained else None


def tickers(text: str) -> list[str]:
    """What looks like the symbol of a share."""
    return _TICKER.findall(text)


def identifies(name: str, schema: dict[str, Any]) -> bool:
    """Whether a parameter is what a thing goes by: a ticker, a path, an address, a name."""
    described = str(schema.get("description", ""))
    by_name = named(described, "", frozenset()) is not None and name not in QUERIES
    return schema.get("type") == "string" and (goes_by_form(name) or by_name)


def goes_by_form(name: str) -> bool:
    """Whether its values are known by their form wherever they stand: tickers, paths."""
    return bool(frozenset(words_of(name.replace("_", " "))) & (_SYMBOLS | _FILES))


def _is_id(words: frozenset[str]) -> bool:
    return bool(words & {"id", "ids", "number", "no", "key", "slug", "code"})


def _numbers(
    words: frozenset[str], clause: Clause, nouns: frozenset[str], required: bool
) -> list[str]:
    text = clause.text
    if words & _LIMITS:
        match = re.search(
            r"\b(?:first|last|latest|newest|top|up to|at most|only|limit(?: of)?)\s+(\d+)"
            rf"|\b(\d+)\s+(?:\w+\s+)?(?:{_any_of(nouns) or 'results'})",
            text,
            re.IGNORECASE,
        )
        return [match.group(1) or match.group(2)] if match else []
    if _is_id(words):
        match = re.search(
            rf"(?:#|\b(?:{_any_of(nouns | {'number', 'id', 'no'})})\.?\s*#?\s*)"
            r"(\d+(?:(?:\s*,\s*|\s*,?\s+and\s+|\s*&\s*)#?\d+)*)",
            text,
            re.IGNORECASE,
        )
        if match:
            return re.findall(r"\d+", match.group(1))
    for word in words - {"the", "of", "in"}:
        near = re.search(rf"\b{re.escape(word)}\s*(?:of|=|is|:)?\s*(-?[\d,.]*\d)", text, re.I)
        if near:
            return [near.group(1)]
        counted = re.search(rf"(-?[\d,.]*\d)\s+{re.escape(stem(word))}s?\b", text, re.IGNORECASE)
        if counted and not _is_id(words):
            return [counted.group(1)]
    if words & _MONEY and (found := amounts(text)):
        return found
    return _NUMBER.findall(text) if required else []


def _any_of(nouns: frozenset[str]) -> str:
    return "|".join(f"{re.escape(noun)}s?" for noun in sorted(nouns))


def _array(
    name: str, schema: dict[str, Any], clause: Clause, nouns: frozenset[str], required: bool
) -> list[Any]:
    if frozenset(words_of(name)) & _CHOICES:
        offered = choices(clause.text)
        return [offered] if offered else []
    items = schema.get("items") or {"type": "string"}
    if items.get("type", "string") == "string" and not items.get("enum"):
        found: list[Any] = quoted(clause.text)
        after = _COLON.search(clause.text)
        if not found and after:
            found = [
                p.strip(" .") for p in re.split(r",\s*|\s+and\s+", after.group(1)) if p.strip()
            ]
    else:
        found = candidates(name.removesuffix("s"), items, clause, nouns, required)
    return [found] if found else []


def _strings(
    words: frozenset[str],
    schema: dict[str, Any],
    clause: Clause,
    nouns: frozenset[str],
    required: bool,
) -> list[str]:
    text, form = clause.text, schema.get("format", "")
    described = frozenset(words_of(str(schema.get("description", ""))))
    if words & {"zone", "timezone", "tz"} or {"time", "zone"} <= words or "timezone" in described:
        return zones(text)
    if words & _MATHS:
        return list(expressions(text))
    if form == "email" or words & {"email", "recipient"}:
        return _EMAIL.findall(text)
    if words & _SYMBOLS:
        return tickers(text) or people(text)
    if words & _FILES:
        return ["README.md" if found == "README" else found for found in _FILE.findall(text)]
    if words & (_OLD | _NEW) and len(marked := quoted(text)) > 1:
        return marked[:1] if words & _OLD else marked[1:2]
    if form in ("uri", "url") or words & {"url", "uri", "link"}:
        return _URL.findall(text)
    if form == "uuid":
        return _UUID.findall(text)
    if form == "date-time":
        return _MOMENT.findall(text)
    if form == "date" or words & {"date", "day", "due", "deadline"}:
        return _DATE.findall(text)
    named_there = named(str(schema.get("description", "")), text, nouns)
    if named_there is not None:
        return named_there
    if words & _REASONS:
        return reasons(text) or (_free_text(text, nouns) if required else [])
    if words & _PLACES:
        return quoted(text) or places(text)
    if words & _LIMITS:
        return []
    if words & _FILTERS or (words & QUERIES and not required):
        return quoted(text) or _after(_ABOUT, text)
    if "question" in words and (asked := question(text)):
        return asked
    if words & QUERIES:
        return quoted(text) or _after(_ABOUT, text) or [_bare(text)]
    if words & _WHOLE:
        return [_bare(text)]
    if words & _TITLES:
        return [found.strip("\"'“”") for found in _after(_TITLE, text)] or quoted(text)[:1]
    if _is_id(words):
        return (
            _UUID.findall(text)
            or _CODE.findall(text)
            or quoted(text)
            or (_numbers(words, clause, nouns, required=required))
        )
    return _free_text(text, nouns) if required else []


def _after(pattern: re.Pattern[str], text: str) -> list[str]:
    match = pattern.search(text)
    return [_bare(match.group(1))] if match else []


def _bare(text: str) -> str:
    text = text.strip().removesuffix(", please").removesuffix(" please").strip()
    return text.rstrip("?") if text.endswith("?") else text.removesuffix(".")


def _free_text(text: str, nouns: frozenset[str]) -> list[str]:
    """What is to be written down: in quotation marks, behind a colon, or behind the words that
    ask for it.
    """
    spoken = _after(_SPOKEN, text)
    coloned = _COLON.search(text)
    found = spoken[0] if spoken else _bare(coloned.group(1)) if coloned else _behind(text, nouns)
    meant = any(stem(word) in nouns for word in words_of(text))
    if not found and meant and (topic := _TOPIC.search(text)):
        found = _meant(_bare(topic.group(1)), nouns)
    marked = quoted(text)
    # 'a note "pay rent"' means what is in the marks; in 'the password is "x"' they are part of it.
    if marked and (not found or found[0] in "\"“«`'"):
        return marked
    return [found] if found else []


def _behind(text: str, nouns: frozenset[str]) -> str:
    # "remember that ...", but "save a note about ..." goes on behind its noun.
    noun = _any_of(nouns) or "note"
    opened = _OPENING.match(text)
    named = re.search(
        rf"\b(?:a|an|the|new|my|another)\s+(?:\w+[\s-]){{0,2}}?(?:{noun})(?:[\s-]+(?:{noun}))*\b"
        r"\s*(?:that|to|about|of|for|with)?\s*(.*)$",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    chosen = opened
    if named and (not opened or named.start() <= opened.start(1)):
        chosen = named
    return _meant(_bare(chosen.group(1)) if chosen else "", nouns)


def _meant(found: str, nouns: frozenset[str]) -> str:
    """The text, or nothing where it only says what kind of text it would be."""
    empty = stem(found) in nouns or found.lower() in ("this", "that", "it", "something")
    return "" if empty else found
