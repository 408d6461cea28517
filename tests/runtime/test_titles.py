"""A session's title from its first message."""

from __future__ import annotations

import pytest

from agents.runtime.titles import make_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("what is 6*7? And more.", "What is 6*7?"),
        ("# A **bold** `start`", "A bold start"),
        ("one two three four five six seven eight nine ten", "One two three four five six seven…"),
        ("x" * 200, "X" + "x" * 58 + "…"),
        ("   \n ", "Conversation"),
        ("こんにちは世界", "こんにちは世界"),
    ],
)
def test_a_title_is_short_and_readable(text: str, title: str) -> None:
    made = make_title(text)
    assert len(made) <= 60
    assert made == title or made.startswith(title.removesuffix("…"))
