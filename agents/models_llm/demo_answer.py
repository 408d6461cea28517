"""The demo model's replies: from results, from the conversation, or honestly that it can't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agents.models_llm.demo_memory import (
    asks_abilities,
    asks_identity,
    courtesy,
    recall,
    shorten,
    statement,
)
from agents.models_llm.demo_mend import mend
from agents.models_llm.demo_plan import Tool
from agents.models_llm.demo_results import error_text, say

if TYPE_CHECKING:
    from agents.models_llm.demo import Done

WHO = "I am the offline demo model"
_ASKED = re.compile(r"To use `([^`]+)` I need")
_MOST_TOOLS = 12


def answer_results(done: list[Done], missing: list[tuple[Tool, list[str]]]) -> str:
    """What was done, what failed, and what is still needed, each in a paragraph of its own."""
    parts = []
    mended = {
        index: repaired
        for index, entry in enumerate(done)
        if entry.failed and (repaired := mend(entry.call, error_text(entry.result))) is not None
    }
    for index, entry in enumerate(done):
        if not entry.failed:
            parts.append(say(entry.call, entry.result))
            continue
        tried = any(later.call == mended.get(index) for later in done[index + 1 :])
        if tried:
            parts.append(
                f"The first attempt with `{entry.call.tool.name}` did not work "
                f"({error_text(entry.result)}), so I tried again with what the error says."
            )
        else:
            parts.append(
                f"The `{entry.call.tool.name}` tool could not do this: {error_text(entry.result)}"
            )
    for tool, names in missing:
        spelled = " and ".join(f"**{name.replace('_', ' ')}**" for name in names)
        parts.append(
            f"To use `{tool.name}` I need one more thing from you: {spelled}. "
            "Please tell me and I will do it."
        )
    return "\n\n".join(parts)


def asked_for(reply: str) -> tuple[str] | None:
    """The tool an earlier reply of ours asked more for."""
    match = _ASKED.search(reply)
    return (match.group(1),) if match else None


def talks(message: str, before: list[str]) -> bool:
    """Whether a message is talk that is answered without looking anything up."""
    return bool(
        not message.strip()
        or recall(message, before)
        or asks_identity(message)
        or asks_abilities(message)
        or courtesy(message, before)
        or statement(message)
    )


def answer_without_tools(message: str, before: list[str], tools: list[Tool]) -> str:
    """The reply when no tool fits."""
    if not message.strip():
        return f"{WHO} and there is no message here that I could answer. {_abilities(tools)}"
    remembered = recall(message, before)
    if remembered:
        return remembered
    if asks_identity(message) or asks_abilities(message):
        return (
            f"{WHO}: no language model is connected here, and I only do what this agent's tools "
            f"can do. {_abilities(tools)}"
        )
    polite = courtesy(message, before)
    told = statement(message)
    if told:
        return told
    if polite and polite.startswith("You"):
        return f"{polite}I am here whenever you want to try something else."
    if polite:
        return f"{polite}{WHO} of this platform. {_abilities(tools)}"
    context = f" Before that you said “{shorten(before[-1], 100)}”." if before else ""
    return (
        f"{WHO}, so I can't answer this freely: “{shorten(message)}”.{context} {_abilities(tools)}"
    )


def _first_sentence(description: str) -> str:
    sentence = re.split(r"(?<=[.;])\s", description.strip(), maxsplit=1)[0]
    return shorten(sentence, 140) or "no description"


def _abilities(tools: list[Tool]) -> str:
    if not tools:
        return "This agent has no tools, so a connected model is needed for more than this."
    lines = [
        f"- `{tool.name}`: {_first_sentence(tool.description)}" for tool in tools[:_MOST_TOOLS]
    ]
    if len(tools) > _MOST_TOOLS:
        lines.append(f"- … and {len(tools) - _MOST_TOOLS} more")
    return "With this agent's tools I can do the following:\n\n" + "\n".join(lines)
