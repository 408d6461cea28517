"""What came of a workflow as its page shows it: words as they are meant, lists as lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from agents.schema_form import words

_MOST_LETTERS = 100_000
_MOST_ITEMS = 200
_SHORT = 200  # letters
_FEW = 6  # values of an object that fit in a line
_TIMES = "j M Y, H:i:s"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the result in one of four ways: markdown, a time, items, or JSON as `data`.

    `cut`: how many letters or items are left away.
    """

    label: str
    words: str = ""
    when: datetime | None = None
    items: list[str] = field(default_factory=list)
    data: str = ""
    cut: int = 0


def shown_result(output: Any) -> list[Value]:
    """The values of `output`, short ones first: the database keeps no order of an object's keys."""
    if output is None or output == {}:
        return []
    if not isinstance(output, Mapping):
        return [_shown("", output)]
    found = [_shown(words(str(name)), value) for name, value in output.items()]
    return sorted(found, key=lambda value: len(value.words) > _SHORT or bool(value.data))


def _shown(label: str, value: Any) -> Value:
    if value is None or value == "" or value == []:
        return Value(label, words="none")
    if (when := _time(value)) is not None:
        return Value(label, when=when)
    if isinstance(value, str):
        return Value(label, words=value[:_MOST_LETTERS], cut=max(len(value) - _MOST_LETTERS, 0))
    if isinstance(value, bool | int | float):
        return Value(label, words=_plain(value))
    if isinstance(value, list) and all(_in_a_line(one) is not None for one in value):
        items = [_in_a_line(one) or "" for one in value[:_MOST_ITEMS]]
        return Value(label, items=items, cut=max(len(value) - _MOST_ITEMS, 0))
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return Value(label, data=text[:_MOST_LETTERS], cut=max(len(text) - _MOST_LETTERS, 0))


def _in_a_line(value: Any) -> str | None:
    """A plain value, or an object of a few; None for what is more than a line."""
    if isinstance(value, str | int | float | bool):
        return _plain(value)
    if not isinstance(value, dict) or len(value) > _FEW:
        return None
    if not all(isinstance(one, str | int | float | bool) for one in value.values()):
        return None
    return " · ".join(f"{words(str(name))}: {_plain(one)}" for name, one in value.items())


def _plain(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    when = _time(value)
    return str(value) if when is None else date_format(when, _TIMES)


def _time(value: Any) -> datetime | None:
    """A moment written as ISO 8601 with its zone, in the page's; None for any other text."""
    if not isinstance(value, str) or not 20 <= len(value) <= 35 or value[10] != "T":
        return None
    try:
        when = datetime.fromisoformat(value)
        return timezone.localtime(when) if when.tzinfo else None
    except (ValueError, OverflowError):
        return None
