"""The demo model as a writer: a text out of the material that a message brings, by extracting.

It adds nothing of its own: of each section the first sentences, with the sources they name.
"""

from __future__ import annotations

import re

from agents.models_llm.demo_given import Brought
from agents.models_llm.demo_words import quoted

_TITLED = re.compile(r"\b(?:titled|called|entitled)\s+[“\"]([^”\"]+)[”\"]", re.IGNORECASE)
_WRITE = re.compile(r"(?:please )?(?:write|draft|compose|summari[sz]e)\b", re.IGNORECASE)
_ITEM = re.compile(r"^\s*[-*] (?:\*\*[^*\n]+\*\*: )?", re.MULTILINE)
# What the demo model says around results, here and for others.
_AROUND = re.compile(
    r"^(?:The `\w+` tool\b.*|You have \d+ .*:|There are none: .*|It rests on this:)$"
)
# Whose a text is, as lists of inputs and summaries begin it.
_BEFORE = re.compile(r"^(?:- [a-z][\w-]*: |\*\*[\w -]+\*\*: )(?=The `|You have|# |There are none)")
_SOURCE = re.compile(r"\(([^()\n]{3,80}, \d{4}-\d{2}-\d{2})\)")
_SENTENCE = re.compile(r"[^.!?…]+(?:\.(?=\d)[^.!?…]+)*[.!?]+[”\"]?(?:\s*\([^()\n]{3,80}\)\.?)?")
_MOST_ITEMS, _MOST_SENTENCES = 3, 2
HONEST = "*Extracts of what I was given: I am the offline demo model and add nothing of my own.*"


def asks_for_text(message: Brought) -> bool:
    """Whether a text is asked for out of material that is there: nothing is looked up then."""
    return bool(message.sections) and _WRITE.match(message.asked) is not None


def written(message: Brought) -> str | None:
    """The text, or None where there is no material."""
    paragraphs = []
    for heading, text in message.sections:
        taken = _extract(text)
        if taken:
            lead = f"**{heading}.** " if len(message.sections) > 1 else ""
            paragraphs.append(f"{lead}{taken}")
    if not paragraphs:
        return None
    parts = [f"# {_title(message.asked)}", *paragraphs]
    if re.search(r"\bsources?\b", message.asked, re.IGNORECASE):
        found = [one for _, text in message.sections for one in _SOURCE.findall(text)]
        listed = "\n".join(f"- {one}" for one in dict.fromkeys(found)) or "- none is named"
        parts.append(f"**Sources**\n\n{listed}")
    return "\n\n".join([*parts, HONEST])


def _title(asked: str) -> str:
    titled = _TITLED.search(asked)
    if titled:
        return _capital(titled[1])
    marked = quoted(asked)
    if marked:
        return _capital(marked[0])
    return "Summary"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _extract(text: str) -> str:
    """The first sentences of the first points, each whole."""
    lines = [_BEFORE.sub("", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if line and not _AROUND.match(line)]
    points = [point for line in lines if (point := _point(line))]
    return " ".join(points[:_MOST_ITEMS])


def _point(line: str) -> str:
    said = _ITEM.sub("", line).strip().strip("*").strip()
    if said.startswith(("#", "Extracts of what I was given")):
        return ""
    source = _SOURCE.findall(said)
    sentences = [one.strip() for one in _SENTENCE.findall(_SOURCE.sub("", said))]
    if not sentences:
        # A line of a list of fields, such as "price: 51.2".
        return f"{said}." if 3 <= len(said) <= 120 and ":" in said else ""
    taken = " ".join(sentences[:_MOST_SENTENCES])
    return f"{taken} ({source[-1]})" if source else taken
