"""An agent's run: model call, tool calls, again, until the model answers or a limit is reached.

Deterministic outside its steps: on re-entry the finished steps replay, and the loop goes on where
the journal ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Protocol, cast

from django.conf import settings
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)

from agents.models_llm.pricing import total_cost
from agents.models_llm.protocol import Delta, ToolCall, Turn, TurnBuilder
from agents.providers.chain import ModelChain
from agents.providers.resolve import resolve
from agents.runtime.budget import check_budget, check_own
from agents.runtime.build import Asking
from agents.runtime.events import Cursor, make
from agents.runtime.faults import RunFault
from agents.runtime.guarded_output import GuardedOutput
from agents.runtime.guarding import RunGuard, fault_of
from agents.runtime.journal import Journal
from agents.runtime.log import MessageText
from agents.runtime.outcomes import Ending, Outcome
from agents.runtime.state import OpenStep, StepState, cost_text
from agents.runtime.together import all_at_once
from agents.runtime.tool_steps import ToolSteps
from agents.runtime.workflow.built import FlowSpec
from agents.specs import AgentSpec, TeamSpec

CANCELLED = {"code": "cancelled", "message": "The run was cancelled."}


FIRST_STEP = "turn:0:model"


def model_step(
    turn: int,
    spec: AgentSpec | TeamSpec | FlowSpec,
    model: dict[str, Any],
    variables: Mapping[str, str],
) -> tuple[str, str, dict[str, Any]]:
    """Key, name and shown input of a turn's model step. Turn 0's is begun with the run itself.

    The prompt's variables are kept with turn 0: a run that is recovered has the same prompt.
    """
    shown: dict[str, Any] = {"turn": turn, "tools": list(spec.tools)}
    if variables and turn == 0:
        shown["variables"] = dict(variables)
    return f"turn:{turn}:model", str(model.get("name") or spec.model.name), shown


def begins_with_model(spec: AgentSpec | TeamSpec | FlowSpec) -> bool:
    """Whether the answering model is asked first: some leaders hear their members before, and a
    workflow asks none.
    """
    if isinstance(spec, TeamSpec):
        return spec.mode not in ("broadcast", "plan")
    return isinstance(spec, AgentSpec)


def tool_key(turn: int, index: int) -> str:
    return f"turn:{turn}:tool:{index}"


def _final(outcome: Outcome) -> Ending | None:
    """A turn without tool calls is the answer: it ends the run."""
    if outcome.output["tool_calls"] or outcome.error is not None:
        return None
    return Ending("completed", str(outcome.output["text"]))


class Calls(Protocol):
    """What makes a model's calls: tools, or for a leader the members of its team."""

    async def call(
        self, key: str, call: ToolCall, *, alone: bool = False
    ) -> ToolMessage | None: ...


class AgentLoop:
    """One entry into one run: `answer()` gives the final text, from the journal or the model."""

    def __init__(
        self,
        journal: Journal,
        agent: Asking,
        history: list[tuple[str, str]],
        variables: Mapping[str, str],
        guard: RunGuard | None = None,
        tools: Calls | None = None,
    ) -> None:
        """`tools` makes the model's calls; by default those of the tools that are granted."""
        self.journal = journal
        self.agent = agent
        self.spec = agent.spec
        self.variables = variables
        self.guard = guard
        self.tools: Calls = tools or ToolSteps(journal, agent, guard)
        self.messages = self._opening(history)

    def _opening(self, history: list[tuple[str, str]]) -> list[BaseMessage]:
        messages: list[BaseMessage] = [*self.agent.opening(self.variables)]
        if self.guard is not None and (self.spec.tools or self.spec.kind == "team"):
            messages = self.guard.opening(messages)
        for role, content in history:
            messages.append(HumanMessage(content) if role == "user" else AIMessage(content))
        messages.append(HumanMessage(str(self.journal.run.input)))
        return messages

    async def answer(self) -> str:
        limits = self.spec.limits
        if self.guard is not None:
            await self.guard.enter()
        for turn in range(limits.turns):
            step = await self._model_turn(turn)
            text, calls = step.output["text"], self.calls_of(step.output)
            if not calls:
                return str(text)
            check_own(self.journal)
            self.messages.append(_assistant(text, calls))
            self.messages.extend(await self._told(turn, calls))
            if (answer := self.answered_by(turn, calls)) is not None:
                return answer
            if self.guard is not None:
                self.guard.heard(
                    [(self.agent.tools.get(c.name), tool_key(turn, i)) for i, c in enumerate(calls)]
                )
        raise RunFault(
            "limit_turns", f"No answer after the {limits.turns} model calls the run is allowed."
        )

    def calls_of(self, output: dict[str, Any]) -> list[ToolCall]:
        """The calls to make of those that the model asked for."""
        return [ToolCall(**call) for call in output["tool_calls"]]

    def answered_by(self, turn: int, calls: list[ToolCall]) -> str | None:
        """The run's answer, where what the turn's calls came to is it: for a leader that routes."""
        return None

    async def _told(self, turn: int, calls: list[ToolCall]) -> list[ToolMessage]:
        """What the turn's calls come to. Raises Parked while one of them waits for people."""
        while True:
            answers = await self._call_tools(turn, calls)
            told = [answer for answer in answers if answer is not None]
            if len(told) == len(calls):
                return told
            await self.journal.pause()

    async def _call_tools(self, turn: int, calls: list[ToolCall]) -> list[ToolMessage | None]:
        """All of a turn's calls at once; the first fault of one ends the others.

        None stands for a call that waits.
        """
        if len(calls) == 1:
            return [await self.tools.call(tool_key(turn, 0), calls[0], alone=True)]
        return await all_at_once(
            [self.tools.call(tool_key(turn, index), call) for index, call in enumerate(calls)]
        )

    # --- the model step ---------------------------------------------------------------------------

    async def _model_turn(self, turn: int) -> StepState:
        model = await resolve(self.spec.model.name, self.agent.parameters)
        chain = ModelChain(model, attempts=settings.STEP_ATTEMPTS, with_tools=bool(self.spec.tools))
        call = _ModelCall(self, chain)
        key, name, shown = model_step(turn, self.spec, self.journal.run.model, self.variables)
        if (turn or self.journal.above is not None) and self.journal.finished(key) is None:
            await check_budget(self.journal)
        step = await self.journal.step(
            key,
            "model",
            name,
            call.work,
            input=shown,
            attempts=chain.most_attempts,
            on_start=call.started,
            on_end=call.ended,
            when_cancelled=call.left,
            final=_final,
            may_wait=True,
        )
        if step.error is not None:  # recorded as refused, so that what it used is counted
            raise fault_of(step.error)
        return step


class _ModelCall:
    """One model step: streams its text into the run's log, attempt by attempt."""

    def __init__(self, loop: AgentLoop, chain: ModelChain) -> None:
        self.loop = loop
        self.chain = chain
        self.text: MessageText | None = None
        self.builder = TurnBuilder()
        self.guarded: GuardedOutput | None = None
        self.outcome = Outcome(None)

    def started(self, step: OpenStep) -> None:
        if self.text is not None:
            self.text.void()
        log = self.loop.journal.log
        self.text = log.open_message(step.position, step.seq, step.attempt)

    async def work(self, step: OpenStep) -> Outcome:
        assert self.text is not None
        self.guarded = None
        if self.loop.guard is not None:
            self.guarded = self.loop.guard.output(self.text)
        turn = await self._ask(self.loop.messages, self.loop.agent.schemas, self.guarded)
        usage = turn.usage
        answered, cost = self.chain.answered(usage)
        self.outcome = Outcome(
            output={
                "text": turn.text,
                "tool_calls": [asdict(call) for call in turn.tool_calls],
                "finish_reason": turn.finish_reason,
                "model": answered,
            },
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
            cost=cost,
        )
        if self.loop.guard is not None:
            await self.loop.guard.settle(step, self.guarded, turn, self.outcome, self._again)
        return self.outcome

    async def _ask(
        self,
        messages: list[BaseMessage],
        tools: list[dict[str, Any]] | None,
        guarded: GuardedOutput | None,
        *,
        aside: bool = False,
    ) -> Turn:
        """One call of the model. What it says is shown as it comes, unless it is an `aside`."""
        assert self.text is not None
        loop, log, text = self.loop, self.loop.journal.log, self.text
        builder = TurnBuilder()
        if not aside:
            self.builder = builder
        async with self.chain.call() as model:
            stream = model.client.stream_turn(messages, tools, **loop.agent.parameters)
            async with aclosing(cast(Any, stream)) as deltas:
                delta: Delta
                async for delta in deltas:
                    builder.add(delta)
                    if not delta.text or aside:
                        continue
                    if guarded is None:
                        log.append(text, delta.text)
                    else:
                        guarded.feed(delta.text)
        return builder.turn()

    async def _again(self, said: str, wrong: str) -> Turn:
        """Ask once more for an answer that has to be mended; what it uses counts as the step's."""
        messages = [*self.loop.messages, AIMessage(said), HumanMessage(wrong)]
        turn = await self._ask(messages, None, None, aside=True)
        _, cost = self.chain.answered(turn.usage)
        if turn.usage is not None:
            self.outcome.input_tokens += turn.usage.input_tokens
            self.outcome.output_tokens += turn.usage.output_tokens
        self.outcome.cost = total_cost([self.outcome.cost, cost])
        self.outcome.output["mended"] = True
        return turn

    def left(self) -> Outcome:
        """What the model had said when the run was cancelled: kept, but no answer."""
        text = self.builder.turn().text if self.guarded is None else self.guarded.said
        output = {"text": text, "tool_calls": [], "finish_reason": CANCELLED["code"]}
        return Outcome(output, error=CANCELLED)

    def ended(self, opened: OpenStep, step: StepState) -> None:
        assert self.text is not None
        log = self.loop.journal.log
        if step.error:
            self.text.void()
            return
        self.text.closed = True
        for event in model_events(log.source, step):
            log.publish(event)


def model_events(source: Any, step: StepState) -> list[Any]:
    """What a finished model step says: its whole text, if it has any, and its usage."""
    assert step.finished_position is not None
    events = []
    if step.output["text"]:
        events.append(
            make(
                source,
                Cursor(step.finished_position, 0),
                "message.completed",
                step.finished_at,
                step=step.seq,
                text=step.output["text"],
            )
        )
    events.append(
        make(
            source,
            Cursor(step.finished_position, 1),
            "usage",
            step.finished_at,
            step=step.seq,
            input_tokens=step.input_tokens,
            output_tokens=step.output_tokens,
            cost=cost_text(step.cost),
            model=step.output.get("model"),
        )
    )
    return events


def _assistant(text: str, calls: list[ToolCall]) -> AIMessage:
    """The model's own turn as it is shown to it again; broken arguments become an empty object."""
    return AIMessage(
        content=text,
        tool_calls=[
            {"name": call.name, "args": call.parsed or {}, "id": call.id, "type": "tool_call"}
            for call in calls
        ],
    )
