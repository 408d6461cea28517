"""The offline demo model: it answers when no model endpoint is configured.

It is no language model and says so. From the message and the bound tools' schemas it decides which
tools to call, and it puts their results into words; the same conversation gives the same answer
every time. It exists so that a demonstration and the tests run on the whole real machinery.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from pydantic import Field

from agents.models_llm.base import StreamingChat
from agents.models_llm.demo_answer import answer_results, answer_without_tools, asked_for, talks
from agents.models_llm.demo_given import brought
from agents.models_llm.demo_json import schema_asked_for
from agents.models_llm.demo_lead import (
    delegate,
    keep_list,
    leader_tool,
    list_tools,
    members_said,
    sum_up,
    sum_up_list,
)
from agents.models_llm.demo_mend import mend
from agents.models_llm.demo_plan import Call, Plan, forced, object_for, plan, read_tool
from agents.models_llm.demo_results import data_in, error_text, is_error, read
from agents.models_llm.demo_subject import by_subject
from agents.models_llm.demo_team import (
    contract_in,
    json_answer,
    judge,
    make_plan,
    planner_tool,
    typed_answer,
    verdict_tool,
)
from agents.models_llm.demo_write import asks_for_text, written
from agents.models_llm.names import DEMO_MODEL_NAME
from agents.models_llm.protocol import Delta, ToolCallPart, Usage


@dataclass(slots=True)
class Done:
    """A call of this turn and what came of it."""

    call: Call
    result: str
    failed: bool


class DemoChat(StreamingChat):
    """`first_delay` and `delay` are seconds: before the first word, and between words."""

    model_name: str = DEMO_MODEL_NAME
    offline: bool = True
    first_delay: float = Field(default=0.15, ge=0)
    delay: float = Field(default=0.025, ge=0)

    @property
    def _llm_type(self) -> str:
        return DEMO_MODEL_NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model_name, "offline": True}

    async def stream_turn(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None = None,
        **params: Any,
    ) -> AsyncIterator[Delta]:
        """Knows the params `tool_choice`, `response_format`, `max_tokens` and `stop`."""
        text, calls = _decide(messages, tools or [], params)
        finish = "tool_calls" if calls else "stop"
        stop = params.get("stop") or ()
        for ending in [stop] if isinstance(stop, str) else stop:
            text = text.split(ending)[0]
        words = re.findall(r"\s*\S+\s*", text)
        limit = params.get("max_tokens")
        if limit is not None and len(words) > limit:
            words, finish = words[:limit], "length"
        asked = sum(len(str(message.text).split()) for message in messages)
        await asyncio.sleep(self.first_delay)
        # Paced against a clock of its own: sleeps that each come a little late don't add up.
        due = asyncio.get_running_loop().time()
        for number, word in enumerate(words):
            if number and self.delay:
                due += self.delay
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            yield Delta(word)
        said = len(words)
        turns = sum(isinstance(message, AIMessage) for message in messages)
        for index, call in enumerate(calls):
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            said += len(arguments.split())
            yield Delta(
                tool_calls=[ToolCallPart(index, f"demo_{turns}_{index}", call.tool.name, arguments)]
            )
        yield Delta(usage=Usage(asked, said), finish_reason=finish)


def _decide(
    messages: list[BaseMessage], definitions: list[dict[str, Any]], params: dict[str, Any]
) -> tuple[str, list[Call]]:
    """`(text, calls)`: what to say now, or which tools to call first."""
    spoken = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage)]
    at = spoken[-1] if spoken else len(messages)
    message = str(messages[at].text) if spoken else ""
    before = [str(messages[i].text) for i in spoken[:-1]]
    wanted = params.get("response_format") or {}
    choice = params.get("tool_choice")
    available = [] if choice == "none" else [read_tool(definition) for definition in definitions]
    rounds = _rounds(messages[at + 1 :], {tool.name: tool for tool in available})

    if (answers := members_said(message)) is not None:
        return answers, []
    if keeping := list_tools(available):
        calls = keep_list(message, rounds, keeping)
        return ("", calls) if calls else (sum_up_list(rounds[-1]), [])
    if (planning := planner_tool(available)) is not None:
        return "", [make_plan(message, planning)]
    if (judging := verdict_tool(available)) is not None:
        told = "\n".join(str(one.text) for one in messages[:at])
        return "", [judge(told, message, judging)]
    if (leading := leader_tool(available)) is not None and choice in (None, "auto"):
        calls = delegate(message, leading, rounds)
        if calls:
            return "", calls
        return sum_up(rounds), []

    if choice not in (None, "auto", "none") and not rounds:
        named = choice["function"]["name"] if isinstance(choice, dict) else None
        call = forced(message, available, named)
        if call is not None:
            return "", [call]

    message, contract = contract_in(message)
    asked = schema_asked_for(message)
    message = message if asked is None else asked[0]
    made = _plan_with_history(message, messages[:at], before, available)
    following, done = _follow(made, rounds)
    if following:
        return "", following
    if asked is not None:
        return json_answer(asked[1], message, done), []
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        return json.dumps(object_for(schema, message), ensure_ascii=False), []
    if wanted.get("type") == "json_object":
        results = {entry.call.tool.name: read(entry.result) for entry in done}
        return json.dumps(results or {"answer": message}, ensure_ascii=False), []
    if done or made.missing:
        said = answer_results(done, made.missing)
    elif (text := written(brought(message))) is not None:
        said = text
    else:
        said = answer_without_tools(message, before, available)
    return (said if contract is None else typed_answer(contract, message, done, said)), []


def _plan_with_history(
    message: str, earlier: list[BaseMessage], before: list[str], tools: list[Any]
) -> Plan:
    """The plan for a message; one that answers a question of ours is read with what it answers."""
    said = brought(message)
    if asks_for_text(said):
        return Plan()
    made = plan(message, tools)
    if not made.stages and not talks(said.asked, before):
        found = by_subject(message, said.asked, tools)
        made = found if found.stages else made
    asked = asked_for(str(earlier[-1].text)) if earlier and before else None
    if asked is None or made.stages or made.missing:
        return made
    tool = next((tool for tool in tools if tool.name == asked[0]), None)
    if tool is None or len(message) > 1_000:
        return made
    completed = plan(f"{before[-1].rstrip('.!? ')} {message}", [tool])
    if completed.stages:
        return completed
    return plan(f"{before[-1].rstrip('.!? ')}: {message}", [tool])


def _rounds(after: list[BaseMessage], tools: dict[str, Any]) -> list[list[Done]]:
    """The calls already made for this message, round by round, with their results."""
    results = {
        message.tool_call_id: message for message in after if isinstance(message, ToolMessage)
    }
    rounds: list[list[Done]] = []
    for message in after:
        if not isinstance(message, AIMessage) or not message.tool_calls:
            continue
        made = []
        for call in message.tool_calls:
            result = results.get(str(call["id"]))
            tool = tools.get(call["name"]) or read_tool({"name": call["name"]})
            text = data_in(str(result.text)) if result is not None else "Error: there was no result"
            failed = is_error(text, result.status if result is not None else "error")
            made.append(Done(Call(tool, call["args"]), text, failed))
        rounds.append(made)
    return rounds


def _follow(made: Plan, rounds: list[list[Done]]) -> tuple[list[Call], list[Done]]:
    """`(calls to make next, what was done)`: each round was a stage of the plan, or the one
    attempt to mend what failed in it.
    """
    stage = 0
    done: list[Done] = []
    mending: list[Call] = []
    for made_now in rounds:
        if mending:
            done += made_now
            mending = []
            continue
        stage += 1
        repairs = [mend(d.call, error_text(d.result)) if d.failed else None for d in made_now]
        mending = [call for call in repairs if call is not None]
        done += made_now
    if mending:
        return mending, done
    if stage < len(made.stages):
        return made.stages[stage], done
    return [], done
