"""Says in words what tools gave back, whatever their form."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

from agents.models_llm.demo_memory import shorten
from agents.models_llm.demo_plan import Call, Tool
from agents.models_llm.demo_words import stem

_MOST_ITEMS = 20
_MOST_FIELDS = 15
_DONE = {"create": "saved", "delete": "deleted", "update": "changed", "send": "sent"}
_MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_MARKED = re.compile(r"<data-([0-9a-f]{16})>\n(.*)\n</data-\1>", re.DOTALL)
_TEXTS = ("text", "title", "name", "content", "body", "summary", "description")
_ABOUT_LIST = frozenset(
    {"source", "total", "count", "next", "more", "limit", "offset", "page", "cursor"}
)
_CLOCKS = ("time", "now", "date", "datetime", "moment")
_RESULTS = ("result", "value", "answer", "output")


def data_in(text: str) -> str:
    """A result without the marks that tell a model it is data."""
    found = _MARKED.fullmatch(text)
    return found[2] if found else text


def read(text: str) -> Any:
    """A result as data: tools give JSON or plain text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def is_error(text: str, status: str) -> bool:
    if status == "error" or re.match(r"\s*error\b", text, re.IGNORECASE):
        return True
    data = read(text)
    return isinstance(data, dict) and bool(data.get("error"))


def error_text(text: str) -> str:
    data = read(text)
    if isinstance(data, dict) and data.get("error"):
        error = data["error"]
        text = str(error.get("message") or error) if isinstance(error, dict) else str(error)
    return shorten(re.sub(r"^\s*error\s*:\s*", "", text, flags=re.IGNORECASE), 400)


def say(call: Call, text: str) -> str:
    """One result as a sentence or a list."""
    data = read(text)
    tool, given = call.tool, call.arguments
    if isinstance(data, dict):
        listed = _list_in(data)
        if listed is not None and tool.action not in _DONE:
            return _list(tool, given, listed, str(data.get("source") or ""))
        moment = _moment_in(data)
        if moment and tool.action not in _DONE:
            return _moment(data, moment, given)
        single = [data[key] for key in _RESULTS if key in data and not isinstance(data[key], dict)]
        if single and tool.action not in _DONE:
            data = single[0]
    if data is None:
        return f"There are none: the `{tool.name}` tool found nothing."
    if isinstance(data, list):
        return _list(tool, given, data)
    if tool.action in _DONE:
        return _done(tool, given, data)
    if isinstance(data, dict):
        return _fields(tool, data)
    return _scalar(tool, given, data)


def _scalar(tool: Tool, given: dict[str, Any], data: Any) -> str:
    expression = given.get("expression") or (
        next(iter(given.values())) if len(given) == 1 and not isinstance(data, str) else None
    )
    if expression is not None and len(str(data)) <= 80:
        return f"`{expression}` = **{data}**, worked out with the `{tool.name}` tool."
    said = str(data).strip()
    if not said:
        return f"There is nothing to show: the `{tool.name}` tool gave an empty result."
    return f"The `{tool.name}` tool says: {said if len(said) <= 1_500 else said[:1_500] + '…'}"


def _list_in(data: dict[str, Any]) -> list[Any] | None:
    """The one list a result is about: `{"items": [...], "total": 3}`."""
    lists = [value for value in data.values() if isinstance(value, list)]
    others = {key for key, value in data.items() if not isinstance(value, list)}
    return lists[0] if len(lists) == 1 and others <= _ABOUT_LIST else None


def _list(tool: Tool, given: dict[str, Any], items: list[Any], source: str = "") -> str:
    noun = _noun(tool)
    about = [str(value) for value in given.values() if isinstance(value, str)]
    topic = f" about “{about[0]}”" if about else ""
    if not items:
        none = f"no {_many_of(noun)}" if tool.action == "list" else "nothing"
        return f"There are none: the `{tool.name}` tool found {none}{topic}."
    head = f"You have {len(items)} {noun if len(items) == 1 else _many_of(noun)}{topic}"
    head += f", by the `{tool.name}` tool"
    if tool.action != "list" or source:
        head = f"The `{tool.name}` tool found {len(items)} result{'s' if len(items) != 1 else ''}"
    head += f" ({source})" if source else ""
    lines = [f"- {_item(item)}" for item in items[:_MOST_ITEMS]]
    if len(items) > _MOST_ITEMS:
        lines.append(f"- … and {len(items) - _MOST_ITEMS} more")
    return f"{head}:\n\n" + "\n".join(lines)


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return shorten(str(item), 300)
    number = _number_in(item)
    text = _text_in(item)
    if text is None:
        return shorten(", ".join(f"{key}: {value}" for key, value in item.items()), 300)
    told = f"{shorten(text, 300)}{_published(item)}"
    return f"**{number}**: {told}" if number is not None else told


def _published(item: dict[str, Any]) -> str:
    """Where and when, of what was published."""
    if not (item.get("outlet") and item.get("date")):
        return ""
    return f" ({item['outlet']}, {item['date']})"


def _done(tool: Tool, given: dict[str, Any], data: Any) -> str:
    noun, done = _noun(tool), _DONE[str(tool.action)]
    held = data if isinstance(data, dict) else {}
    inner = [value for value in held.values() if isinstance(value, dict)]
    held = {**held, **inner[0]} if len(inner) == 1 else held
    number = _number_in(held)
    if number is None:
        number = next((value for value in given.values() if isinstance(value, int)), None)
    text = _text_in(held) or _text_in(given)
    said = f"Done: I {done} the {noun}"
    said += f" with number **{number}**" if number is not None else ""
    said += f": “{shorten(text, 300)}”" if text else ""
    return f"{said} (by the `{tool.name}` tool)."


def _number_in(data: dict[str, Any]) -> Any:
    """What identifies a thing: its `id`, `number`, `key` or `something_id`."""
    for key, value in data.items():
        if (key in ("id", "number", "key") or key.endswith("_id")) and value is not None:
            return value
    return None


def _text_in(data: dict[str, Any]) -> str | None:
    return next((str(data[key]) for key in _TEXTS if isinstance(data.get(key), str)), None)


def _fields(tool: Tool, data: dict[str, Any]) -> str:
    lines = [
        f"- {key.replace('_', ' ')}: {shorten(_plain(value), 300)}"
        for key, value in list(data.items())[:_MOST_FIELDS]
    ]
    if not lines:
        return f"There is nothing to show: the `{tool.name}` tool gave an empty result."
    return f"The `{tool.name}` tool gave this result:\n\n" + "\n".join(lines)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment_in(data: dict[str, Any]) -> dt.datetime | None:
    for key, value in data.items():
        if key in _CLOCKS and isinstance(value, str) and _MOMENT.match(value):
            try:
                return dt.datetime.fromisoformat(value)
            except ValueError:
                continue
    return None


def _moment(data: dict[str, Any], moment: dt.datetime, given: dict[str, Any]) -> str:
    zone = next(
        (v for k, v in data.items() if "zone" in k and isinstance(v, str)),
        next((v for v in given.values() if isinstance(v, str)), ""),
    )
    place = zone.rpartition("/")[2].replace("_", " ")
    where = f"In {place} it is" if "/" in zone else "It is"
    offset = moment.strftime("%z")
    behind = f"{zone}, UTC{offset[:3]}:{offset[3:5]}" if offset else zone
    day = f"{moment:%A}, {moment.day} {moment:%B %Y}"
    return f"{where} **{moment:%H:%M}** on {day}{f' ({behind})' if behind else ''}."


def in_words(text: str) -> str:
    """What a member said, in words where it is data."""
    data = read(text.strip())
    if not isinstance(data, dict):
        return text.strip()
    return "; ".join(f"{key.replace('_', ' ')}: {_short(value)}" for key, value in data.items())


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_short(one) for one in value) or "none"
    if isinstance(value, dict):  # by what it goes by
        return " ".join(str(one) for one in list(value.values())[:1])
    return _plain(value)


def _noun(tool: Tool) -> str:
    """ "note" for `delete_note`: the last word of a tool's name that is no action."""
    nouns = [word for word in tool.words if stem(word) in tool.nouns]
    return _one_of(nouns[-1]) if nouns else "entry"


def _one_of(word: str) -> str:
    """ "note" of "notes"; unlike `stem` always a word."""
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is", "news"))
    return word[:-1] if plural else word


def _many_of(word: str) -> str:
    """ "entries" of "entry"."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
