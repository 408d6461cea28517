"""What the demo model can say without a tool: greetings, and what the conversation holds."""

from __future__ import annotations

import re

_SAID = re.compile(r"\bmy ([\w' -]{2,40}?) (?:is|are|was) ([^.!?\n]{1,120})", re.IGNORECASE)
_CALLED = re.compile(
    r"\b(?:i am called|call me|my name's|i'm called)\s+([\w'-]+(?: [A-Z][\w'-]+)*)", re.IGNORECASE
)
_I_AM = re.compile(r"\b(?:I am|I'm)\s+([A-Z][\w'-]+(?: [A-Z][\w'-]+)*)")
_ABOUT_ME = re.compile(
    r"\bI (live in|work (?:at|for|as|in)|come from|like|love|prefer|hate|have|need) "
    r"([^.!?\n]{1,120})",
    re.IGNORECASE,
)
_ASKS_MINE = re.compile(
    r"\b(?:what(?:'s| is| are| was)?|tell me|do you (?:still )?(?:know|remember|recall)"
    r"|can you (?:remember|recall)|when is|who is|who's|where is)\s+(?:what )?my ([\w' -]{2,40}?)"
    r"(?: is| was| are)?\s*(?:again)?[?.!]*$",
    re.IGNORECASE,
)
_ASKS_ME = re.compile(
    r"\b(?:what|where|who|which)\b.*\b(?:do|did|am) I\b\s*(.*?)[?.!]*$", re.IGNORECASE
)
_ASKS_SAID = re.compile(
    r"\bwhat (?:did|have) I (?:just )?(?:say|said|ask|asked|tell|told|write|wrote)"
    r"|\bwhat was my (?:first|last|previous) (?:message|question)",
    re.IGNORECASE,
)
_ASKS_IDENTITY = re.compile(
    r"\b(?:who|what) are you\b|\bare you (?:a|an|real|human|chatgpt|gpt)\b"
    r"|\bwhat model\b|\bwhich model\b",
    re.IGNORECASE,
)
_ASKS_ABILITIES = re.compile(
    r"\bwhat can you (?:do|help)|\bhow can you help|\bwhich tools\b|\bwhat tools\b|^help\b",
    re.IGNORECASE,
)
_GREETING = re.compile(r"(?:hello|hi|hey|good (?:morning|evening|afternoon|day))\b", re.IGNORECASE)
_THANKS = re.compile(r"(?:thanks|thank you|cheers)\b", re.IGNORECASE)


def recall(message: str, before: list[str]) -> str | None:
    """An answer out of what the user said earlier (`before`, oldest first), or None."""
    if _ASKS_SAID.search(message):
        if not before:
            return "You have not said anything before this in our conversation."
        first = "first" in message.lower()
        return f"You said: “{shorten(before[0] if first else before[-1])}”"
    mine = _ASKS_MINE.search(message)
    if mine:
        return _of_mine(mine.group(1).strip().lower(), before)
    if re.search(r"\bwho am i\b", message, re.IGNORECASE):
        return _of_mine("name", before)
    about = _ASKS_ME.search(message)
    if about:
        return _about_me(message.lower(), before)
    return None


def statement(message: str) -> str | None:
    """An acknowledgement of something the user tells about themselves."""
    name = _name_in(message)
    if name:
        return f"Nice to meet you, {name}. I will use your name while this conversation lasts."
    said = _SAID.search(message)
    if said and not message.rstrip().endswith("?"):
        return (
            f"I will keep in mind, while this conversation lasts, that your {said.group(1)} is "
            f"{said.group(2).strip()}."
        )
    about = _ABOUT_ME.search(message)
    if about and not message.rstrip().endswith("?"):
        return (
            f"I will keep in mind, while this conversation lasts, that you "
            f"{about.group(1).lower()} {about.group(2).strip()}."
        )
    return None


def courtesy(message: str, before: list[str]) -> str | None:
    """The answer to a greeting or thanks."""
    name = next((name for text in reversed([*before, message]) if (name := _name_in(text))), None)
    if _GREETING.match(message.strip()):
        return f"Hello, {name}! " if name else "Hello! "
    if _THANKS.match(message.strip()):
        return f"You are welcome{', ' + name if name else ''}. "
    return None


def asks_identity(message: str) -> bool:
    return bool(_ASKS_IDENTITY.search(message))


def asks_abilities(message: str) -> bool:
    return bool(_ASKS_ABILITIES.search(message))


def shorten(text: str, limit: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _name_in(text: str) -> str | None:
    said = re.search(r"\bmy name is ([\w'-]+(?: [A-Z][\w'-]+)*)", text, re.IGNORECASE)
    found = said or _CALLED.search(text) or _I_AM.search(text)
    return found.group(1) if found else None


def _of_mine(thing: str, before: list[str]) -> str:
    for text in reversed(before):
        if thing in ("name", "first name"):
            name = _name_in(text)
            if name:
                return f"Your name is {name}: you told me so earlier in this conversation."
        for said in _SAID.finditer(text):
            if said.group(1).lower() == thing:
                value = said.group(2).strip()
                return f"Your {thing} is {value}: you told me so earlier in this conversation."
    return (
        f"You have not told me your {thing} in the part of this conversation that I can see, "
        "so I don't know it."
    )


def _about_me(question: str, before: list[str]) -> str | None:
    for text in reversed(before):
        for said in _ABOUT_ME.finditer(text):
            if said.group(1).lower().split()[0] in question.split() or (
                said.group(1).lower().split()[0] + "?" in question.split()
            ):
                verb, rest = said.group(1).lower(), said.group(2).strip()
                return f"You {verb} {rest}: you told me so earlier in this conversation."
    return None
