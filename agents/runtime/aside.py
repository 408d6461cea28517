"""A model asked aside, for a plan or a verdict, by a tool it has to call. Nobody is shown it."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import asdict
from typing import Any, cast

from django.conf import settings
from langchain_core.messages import BaseMessage

from agents.models_llm.protocol import ToolCall, Turn, TurnBuilder
from agents.providers.chain import ModelChain
from agents.providers.resolve import resolve
from agents.runtime.agent_loop import model_events
from agents.runtime.budget import check_budget
from agents.runtime.build import Built
from agents.runtime.guarding import RunGuard, fault_of
from agents.runtime.journal import Journal
from agents.runtime.outcomes import Outcome
from agents.runtime.state import OpenStep, StepState


async def ask_aside(
    journal: Journal,
    agent: Built,
    guard: RunGuard | None,
    key: str,
    messages: list[BaseMessage],
    tool: dict[str, Any],
) -> tuple[ToolCall | None, str]:
    """The model's first call of the one tool it is given, and what it said besides.

    A step of the journal like any model call; its text is kept, and is no message of the run.
    Raises what a model's step raises.
    """
    name = str(tool["function"]["name"])
    model = await resolve(agent.spec.model.name, agent.parameters)
    chain = ModelChain(model, attempts=settings.STEP_ATTEMPTS, with_tools=True)
    if journal.finished(key) is None:
        await check_budget(journal)

    async def work(step: OpenStep) -> Outcome:
        turn = await _turn(chain, messages, tool, agent.parameters)
        answered, cost = chain.answered(turn.usage)
        usage = turn.usage
        outcome = Outcome(
            {
                "text": "",
                "aside": turn.text,
                "tool_calls": [asdict(call) for call in turn.tool_calls],
                "finish_reason": turn.finish_reason,
                "model": answered,
            },
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
            cost=cost,
        )
        if guard is not None:
            calls = await guard.arguments(step.key, turn.tool_calls)
            outcome.output["tool_calls"] = [asdict(call) for call in calls]
        return outcome

    def ended(opened: OpenStep, step: StepState) -> None:
        if not step.error:
            for event in model_events(journal.log.source, step):
                journal.log.publish(event)

    step = await journal.step(
        key,
        "model",
        str(journal.run.model.get("name") or agent.spec.model.name),
        work,
        input={"tools": [name]},
        attempts=chain.most_attempts,
        on_end=ended,
        may_wait=True,
    )
    if step.error is not None:
        raise fault_of(step.error)
    calls = [ToolCall(**call) for call in step.output["tool_calls"]]
    return next((call for call in calls if call.name == name), None), str(step.output["aside"])


async def _turn(
    chain: ModelChain, messages: list[BaseMessage], tool: dict[str, Any], given: dict[str, Any]
) -> Turn:
    builder = TurnBuilder()
    choice = {"type": "function", "function": {"name": tool["function"]["name"]}}
    async with chain.call() as model:
        stream = model.client.stream_turn(messages, [tool], tool_choice=choice, **given)
        async with aclosing(cast(Any, stream)) as deltas:
            async for delta in deltas:
                builder.add(delta)
    return builder.turn()
