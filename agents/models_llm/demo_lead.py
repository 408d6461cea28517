"""The demo model as the leader of a team: who gets which task, and one answer of what they say.

A leader is known by the shape of its one tool: a `member` among several, each described in a line
"- slug: what it is for", and a `task`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.models_llm.demo_plan import Call, Tool
from agents.models_llm.demo_results import error_text, in_words
from agents.models_llm.demo_values import tickers
from agents.models_llm.demo_words import STOP, concepts_of, sentences, words_of

if TYPE_CHECKING:
    from agents.models_llm.demo import Done

_LINE = re.compile(r"^- ([a-z0-9-]+): (.*)$", re.MULTILINE)
_ONE = re.compile(r"\bthe one member\b")
_ITS = re.compile(r"\b(?:its|it|their|they|them)\b", re.IGNORECASE)
_SAID = re.compile(r"^(?:.*\n\n)?Each member of the team was asked this\. Their answers:\n\n", re.S)
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_SAYS_LITTLE = STOP | frozenset(words_of("agent team member answers helps about questions who"))


@dataclass(frozen=True)
class Member:
    slug: str
    name: str
    meanings: frozenset[str]


def leader_tool(tools: list[Tool]) -> Tool | None:
    """The tool that a leader delegates with, if these are a leader's."""
    for tool in tools:
        given = tool.parameters.get("properties") or {}
        if set(given) == {"member", "task"} and given["member"].get("enum"):
            return tool
    return None


def delegate(message: str, tool: Tool, rounds: list[list[Done]]) -> list[Call]:
    """Whom to give what now: each sentence to the member it fits best, all of it to all if none.

    What follows a "then" is given out once the rest is there, with what it came to. Where only one
    may be picked, the whole message goes to the one that it fits best. Nothing when all is done.
    """
    members = members_of(tool.parameters["properties"]["member"])
    if _ONE.search(tool.description):
        best = best_of(message, members) or members[0]
        return [] if rounds else [_call(tool, best.slug, message)]
    stages = _stages(message, members)
    if len(rounds) >= len(stages):
        return []
    given = _given([one for made_now in rounds for one in made_now])
    return [_call(tool, slug, f"{text}{given}") for slug, text in stages[len(rounds)].items()]


def _stages(message: str, members: list[Member]) -> list[dict[str, str]]:
    """For each stage the members with what they are given."""
    stages: list[dict[str, str]] = []
    last: Member | None = None
    for clause in sentences(message):
        last = best_of(clause.text, members) or last
        if last is None:
            continue
        if not stages or clause.then:
            stages.append({})
        before, text = stages[-1].get(last.slug), _known_to(clause.text, message)
        stages[-1][last.slug] = text if before is None else f"{before} {text}"
    return stages or [{member.slug: message for member in members}]


def _known_to(text: str, message: str) -> str:
    """A sentence as it can be read alone: who only says "its risk" is told whose."""
    subjects = tickers(message)
    if not subjects or tickers(text) or not _ITS.search(text):
        return text
    return f"{text.rstrip('.')} ({', '.join(dict.fromkeys(subjects))})."


def _given(done: list[Done]) -> str:
    said = [f"- {one.call.arguments.get('member')}: {one.result}" for one in done if not one.failed]
    return "\n\nWhat you are given:\n" + "\n".join(said) if said else ""


def _call(tool: Tool, slug: str, task: str) -> Call:
    return Call(tool, {"member": slug, "task": task})


def members_of(given: dict[str, Any]) -> list[Member]:
    """The members that a parameter names, with what each is for."""
    told = dict(_LINE.findall(str(given.get("description") or "")))
    found = []
    for slug in given["enum"]:
        name, _, purpose = told.get(slug, slug).partition(". ")
        found.append(Member(slug, name, _meanings(f"{slug} {name} {purpose}")))
    return found


def _meanings(text: str) -> frozenset[str]:
    words = [word for word in words_of(text) if word not in _SAYS_LITTLE]
    return frozenset(concept for word in words for concept in concepts_of(word))


def best_of(text: str, members: list[Member]) -> Member | None:
    """The member that has most to do with a text; the first of equals, None if nobody has."""
    wanted = _meanings(text)
    said = text.lower()
    ordered = _meanings(" ".join(words_of(text)[:1]))  # what is to be done, more than with what

    def fits(member: Member) -> int:
        named = member.name.lower() in said or member.slug in said
        verb = 2 if ordered & member.meanings else 0
        return len(wanted & member.meanings) + verb + (5 if named else 0)

    best = max(members, key=fits)
    return best if fits(best) else None


# --- with a task list ----------------------------------------------------------------------------

_LIST = "The list now:\n"


def list_tools(tools: list[Tool]) -> dict[str, Tool]:
    """The tools that add to and change a task list, if these are those of its keeper."""
    found = {tool.name: tool for tool in tools}
    wanted = {"add_task", "update_task"}
    return found if wanted <= found.keys() else {}


def keep_list(message: str, rounds: list[list[Done]], tools: dict[str, Tool]) -> list[Call]:
    """The calls that make the list; then those that give to somebody else what failed, once."""
    add, update = tools["add_task"], tools["update_task"]
    members = members_of(add.parameters["properties"]["assignee"])
    if not rounds:
        return [Call(add, task) for task in _tasks(message, members)]
    tried = {str(one.call.arguments.get("id")) for made in rounds[1:] for one in made}
    calls = []
    for task in listed(rounds[-1]):
        others = [member for member in members if member.slug != task["assignee"]]
        if task["status"] == "failed" and task["id"] not in tried and others:
            other = best_of(task["goal"], others) or others[0]
            calls.append(Call(update, {"id": task["id"], "assignee": other.slug}))
    return calls


def _tasks(message: str, members: list[Member]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    since: list[str] = []  # the last "then", which the next one waits for
    last: Member | None = None
    for clause in sentences(message):
        last = best_of(clause.text, members) or last or members[0]
        task: dict[str, Any] = {
            "id": f"t{len(made) + 1}",
            "goal": _known_to(clause.text, message),
            "assignee": last.slug,
        }
        if clause.then and since:
            task["depends_on"], since = since, []
        since.append(task["id"])
        made.append(task)
    return made or [{"id": "t1", "goal": message or "Say something.", "assignee": members[0].slug}]


def listed(last: list[Done]) -> list[dict[str, Any]]:
    """The list as the last of these results has it."""
    text = last[-1].result.partition(_LIST)[2] if last else ""
    rows = [line for line in text.splitlines() if line.startswith("{")]
    return [json.loads(row) for row in rows]


def sum_up_list(last: list[Done]) -> str:
    """What the tasks came to, each in a paragraph."""
    return "\n\n".join(f"**{one['assignee']}**: {one['result']}" for one in listed(last))


# --- what members came to ------------------------------------------------------------------------


def sum_up(rounds: list[list[Done]]) -> str:
    """What the members came to, each in a paragraph; what came last first."""
    last, *before = reversed(rounds)
    parts = [_said(one) for one in last]
    if before:
        parts.append("It rests on this:")
        parts += [_said(one) for made_now in reversed(before) for one in made_now]
    return "\n\n".join(parts)


def _said(one: Done) -> str:
    who = str(one.call.arguments.get("member"))
    return f"**{who}**: {error_text(one.result) if one.failed else one.result}"


def members_said(message: str) -> str | None:
    """The one answer to a broadcast, when this message has what its members said."""
    begin = _SAID.match(message)
    if begin is None:
        return None
    pieces = _SECTION.split(message[begin.end() :])[1:]
    said = [f"**{name}**: {in_words(text)}" for name, text in zip(*[iter(pieces)] * 2, strict=True)]
    return "\n\n".join(said)
