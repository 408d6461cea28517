"""The demo model in a team that plans: its planner, its verifier, a member with a contract.

Each is known by the shape of what it is asked: a list of steps with an assignee, a verdict, or an
answer as one JSON object.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from agents.models_llm.demo_lead import Member, best_of, members_of
from agents.models_llm.demo_plan import Call, Tool, object_for
from agents.models_llm.demo_results import read
from agents.models_llm.demo_words import sentences

if TYPE_CHECKING:
    from agents.models_llm.demo import Done

_TYPED = re.compile(
    r"\n\nAnswer with one JSON object and nothing else: .*?JSON schema:\n(\{.*\})\s*\Z", re.DOTALL
)
_CONTRACT = re.compile(r"^- ([a-z0-9-]+) (takes|gives): (\{.*\})$", re.MULTILINE)
_NUMBERS = ("integer", "number")


# --- as a planner --------------------------------------------------------------------------------


def planner_tool(tools: list[Tool]) -> Tool | None:
    """The tool that takes a plan, if there is one among these."""
    for tool in tools:
        if (_step_of(tool).get("assignee") or {}).get("enum"):
            return tool
    return None


def _step_of(tool: Tool) -> dict[str, Any]:
    steps = (tool.parameters.get("properties") or {}).get("steps") or {}
    found: dict[str, Any] = (steps.get("items") or {}).get("properties") or {}
    return found


def make_plan(message: str, tool: Tool) -> Call:
    """Each sentence to the member that it fits best; after a "then" it waits for the one before.

    Where a second member fits as well, it is the fallback.
    """
    given = _step_of(tool)
    members = members_of(given["assignee"])
    told = str((given.get("inputs") or {}).get("description") or "")
    takes = {slug: schema for slug, what, schema in _CONTRACT.findall(told) if what == "takes"}
    gives = {slug: schema for slug, what, schema in _CONTRACT.findall(told) if what == "gives"}
    steps: list[dict[str, Any]] = []
    last: Member | None = None
    for clause in sentences(message):
        last = best_of(clause.text, members) or last or members[0]
        others = [one for one in members if one is not last]
        spare = best_of(clause.text, others) if others else None
        step: dict[str, Any] = {
            "id": f"s{len(steps) + 1}",
            "assignee": last.slug,
            "goal": clause.text,
        }
        if last.slug in takes:
            step["inputs"] = _inputs(json.loads(takes[last.slug]), clause.text, steps, gives)
        if clause.then and steps:
            step["depends_on"] = [steps[-1]["id"]]
            if last.slug not in takes:
                step["inputs"] = {"before": {"from": steps[-1]["id"]}}
        if spare is not None and spare.slug not in takes:
            step["fallback"] = spare.slug
        steps.append(step)
    if not steps:
        steps = [{"id": "s1", "assignee": members[0].slug, "goal": message or "Say something."}]
    return Call(tool, {"steps": steps})


def _inputs(
    schema: dict[str, Any], text: str, steps: list[dict[str, Any]], gives: dict[str, str]
) -> dict[str, Any]:
    """What a member takes: from an earlier step that gives it by that name, else from the words."""
    found = object_for(schema, text)
    for step in steps:
        made = json.loads(gives.get(step["assignee"], "{}")).get("properties") or {}
        for name in schema.get("properties") or {}:
            if name in made:
                found[name] = {"from": f"{step['id']}.{name}"}
    return found


# --- as a verifier -------------------------------------------------------------------------------


def verdict_tool(tools: list[Tool]) -> Tool | None:
    for tool in tools:
        given = tool.parameters.get("properties") or {}
        if {"verdict", "reasons"} <= set(given):
            return tool
    return None


def judge(instructions: str, message: str, tool: Tool) -> Call:
    """It passes all that names what the instructions put in quotes, and sends back the rest."""
    wanted = re.findall(r"“([^”]+)”", instructions)
    lacking = [word for word in wanted if word.lower() not in message.lower()]
    if not lacking:
        return Call(tool, {"verdict": "pass"})
    reasons = [f"“{word}” is not in the results." for word in lacking]
    return Call(tool, {"verdict": "send_back", "reasons": reasons})


# --- as a member with a contract -----------------------------------------------------------------


def contract_in(message: str) -> tuple[str, dict[str, Any] | None]:
    """A task without its contract, and the JSON schema of the answer; None where there is none."""
    found = _TYPED.search(message)
    if found is None:
        return message, None
    schema = read(found[1])
    return message[: found.start()], schema if isinstance(schema, dict) else None


def typed_answer(schema: dict[str, Any], task: str, done: list[Done], text: str) -> str:
    """The answer by its contract: from what tools gave, then from the task."""
    payload: Any = text
    if schema.get("type") == "object" or "properties" in schema:
        payload = _object(schema, task, done, text)
    elif (value := _fitting(schema, _loose(done))) is not None:
        payload = value
    return _compact({"payload": payload, "confidence": 0.9})


def json_answer(schema: dict[str, Any], task: str, done: list[Done]) -> str:
    """The same without the message around it."""
    return _compact(_object(schema, task, done, ""))


def _object(schema: dict[str, Any], task: str, done: list[Done], text: str) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for result in _read(done):
        if isinstance(result, dict):
            known |= result
    payload = object_for(schema, task)
    for name, inner in (schema.get("properties") or {}).items():
        value = known.get(name, _fitting(inner, _loose(done)))
        if value is not None:
            payload[name] = value
        elif text and inner.get("type") == "string" and not inner.get("enum") and name in payload:
            payload[name] = text
    return payload


def _read(done: list[Done]) -> list[Any]:
    return [read(one.result) for one in done if not one.failed]


def _loose(done: list[Done]) -> list[Any]:
    return [result for result in _read(done) if not isinstance(result, dict | list)]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fitting(schema: dict[str, Any], loose: list[Any]) -> Any:
    """The last result that is of the kind that is wanted."""
    wanted = schema.get("type")
    for value in reversed(loose):
        if wanted in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if wanted == "string" and isinstance(value, str) and not schema.get("enum"):
            return value
    return None
