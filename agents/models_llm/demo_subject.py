"""Tools by what a message is about, where no words of it name a tool.

Who is asked about a company by its ticker looks up what takes a ticker; who is asked anything at
all, and can search, searches.
"""

from __future__ import annotations

from typing import Any

from agents.models_llm.demo_plan import Call, Plan, Tool
from agents.models_llm.demo_schema import fits, properties
from agents.models_llm.demo_values import QUERIES, candidates, goes_by_form, identifies
from agents.models_llm.demo_words import ORDERS, WRITES, clause, words_of

_MOST_CALLS = 4
_LONGEST_QUERY = 300
_FEWEST_WORDS = 3


def by_subject(message: str, asked: str, tools: list[Tool]) -> Plan:
    """Calls that only read, of all tools that what the message names is enough for.

    `asked` is the message without the material that it brings.
    """
    reading = [tool for tool in tools if not _writes(tool)]
    calls = [call for tool in reading for call in _about(message, tool)][:_MOST_CALLS]
    if not calls and len(asked.split()) >= _FEWEST_WORDS and asked == message:
        calls = [call for tool in reading for call in _searching(asked, tool)][:1]
    return Plan(stages=[calls] if calls else [])


def _writes(tool: Tool) -> bool:
    return tool.action in WRITES or (bool(tool.words) and tool.words[0] in ORDERS)


def _about(message: str, tool: Tool) -> list[Call]:
    """One call for each thing that the message names, where a tool needs nothing but its name."""
    required = list(tool.parameters.get("required") or [])
    known = properties(tool.parameters)
    if len(required) != 1 or not identifies(required[0], known[required[0]]):
        return []
    [name] = required
    said = clause(message)
    found = candidates(name, known[name], said, tool.nouns, True)
    values = [value for value in dict.fromkeys(found) if fits(value, known[name])]
    # A plain name is one only where the message says of what: "the billing service".
    plain = not goes_by_form(name) and name not in words_of(message)
    return [Call(tool, {name: value}) for value in values if not plain or "@" in value]


def _searching(asked: str, tool: Tool) -> list[Call]:
    required: list[str] = list(tool.parameters.get("required") or [])
    if tool.action != "search" or len(required) != 1 or required[0] not in QUERIES:
        return []
    arguments: dict[str, Any] = {required[0]: asked[:_LONGEST_QUERY]}
    return [Call(tool, arguments)]
