"""A session's first title: made from its first message, at once; people may change it."""

from __future__ import annotations

import re

_TITLE_WORDS = 9
_TITLE_CHARS = 60


def make_title(text: str) -> str:
    """A short title: the first sentence without markup, cut at a word, at most 60 characters."""
    plain = re.sub(r"^\s*[#>]+\s*|`+|\*\*|__|[\x00-\x1f]+", " ", text)
    plain = re.split(r"(?<=[.!?])\s", " ".join(plain.split()), maxsplit=1)[0]
    words = plain.split()
    title = " ".join(words[:_TITLE_WORDS])
    if len(words) > _TITLE_WORDS or len(title) > _TITLE_CHARS:
        title = title[: _TITLE_CHARS - 1].rstrip(" ,;:") + "…"
    return title[:1].upper() + title[1:] if title else "Conversation"
