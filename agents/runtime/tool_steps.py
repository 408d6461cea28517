"""Tool calls as journal steps: what may run, how often, and how a half-done one recovers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction
from langchain_core.messages import ToolMessage
from pydantic import BaseModel

from agents.guardrails.verdicts import Verdict
from agents.models_llm.protocol import ToolCall
from agents.runtime.build import Built
from agents.runtime.events import Cursor, Event, Source, make
from agents.runtime.faults import NeedsReview
from agents.runtime.gate import Gate, Passage
from agents.runtime.guarding import RunGuard
from agents.runtime.journal import Journal
from agents.runtime.outcomes import Outcome
from agents.runtime.state import OpenStep, StepState
from agents.tools import calling
from agents.tools.output import storable
from agents.tools.spec import Effect, ToolContext, ToolSpec
from tenants.accounts.principal import Principal, principal_of
from tenants.context import current_tenant


class ToolSteps:
    """The tools granted to one run, called for its member with no more than their rights."""

    pauses: Callable[[int], float] | None = None
    """Seconds between attempts, where they aren't the journal's own."""

    def __init__(self, journal: Journal, agent: Built, guard: RunGuard | None = None) -> None:
        self.journal = journal
        self.granted = agent.tools
        self.guard = guard
        self.gate = Gate(journal, guard)

    async def call(self, key: str, call: ToolCall, *, alone: bool = False) -> ToolMessage | None:
        """Run one call of the model and return what the model is told; None while it waits.

        `alone`: it is the turn's only call, so the run's next write follows at once.
        """
        step = await self.made(key, call, alone=alone)
        return None if step is None else await self._message(call, step)

    async def made(self, key: str, call: ToolCall, *, alone: bool = False) -> StepState | None:
        """Run one call; its step, or None while it waits."""
        done = self.journal.finished(key)
        if done is not None:
            return done
        arguments: Any = call.parsed if call.parsed is not None else call.arguments
        who = await principal_of(self.journal.run.member_id)
        refusal = self._refusal(call, who)
        spec = None if refusal else self.granted[call.name]
        passage = Passage(arguments)
        read: list[BaseModel] = []  # the arguments, while nobody has had them
        if spec is not None and who is not None:
            await self._check_half_done(key, spec)
            try:
                parsed = calling.parse_arguments(spec, arguments)
            except calling.ToolProblem as problem:
                refusal = (problem.code, problem.message)
            else:
                through = await self.gate.pass_through(key, spec, arguments, parsed, who)
                if through is None:
                    return None
                passage = through
                read += [parsed] if passage.arguments is arguments else []
        return await self._step(key, call, spec, refusal, passage, read, alone)

    async def _message(self, call: ToolCall, step: StepState) -> ToolMessage:
        text = str(step.output["text"])
        return ToolMessage(
            content=text if self.guard is None else await self.guard.message(step),
            tool_call_id=call.id,
            name=call.name,
            status="error" if step.error else "success",
        )

    async def _step(
        self,
        key: str,
        call: ToolCall,
        spec: ToolSpec | None,
        refusal: tuple[str, str] | None,
        passage: Passage,
        read: list[BaseModel],
        alone: bool,
    ) -> StepState:
        arguments = passage.arguments
        before = self.journal.find(key)
        attempts = spec.attempts if spec else 1
        last = (before.attempt if before else 0) + attempts
        notes = _Notes(self.journal)
        calls = spec is not None and refusal is None and passage.outcome is None
        looked: list[Verdict] = []

        async def invoked(step: OpenStep, spec: ToolSpec) -> Outcome:
            try:
                parsed = read.pop() if read else calling.parse_arguments(spec, arguments)
                result = await calling.invoke(
                    _timed(spec, passage), self._context(step, passage), parsed
                )
            except calling.ToolProblem as problem:
                return _answer_to(problem, step, last)
            return Outcome({"text": result.text, "data": result.data})

        async def work(step: OpenStep) -> Outcome:
            if refusal is not None or spec is None:
                return _refused(refusal or ("unknown_tool", "There is no such tool."))
            outcome = passage.outcome or await invoked(step, spec)
            if self.guard is not None:
                outcome, looked[:] = self.guard.result(outcome)
                self.guard.record(key, looked)
            return outcome

        def unit(step: OpenStep) -> Outcome:
            assert spec is not None
            try:
                parsed = calling.parse_arguments(spec, arguments)
                with transaction.atomic():  # a refusal undoes the effect, not the record of it
                    result = calling.invoke_sync(
                        _timed(spec, passage), self._context(step, passage), parsed
                    )
            except calling.ToolProblem as problem:
                outcome = _answer_to(problem, step, last)
            else:
                outcome = Outcome({"text": result.text, "data": result.data})
            if self.guard is not None:
                outcome, looked[:] = self.guard.result(outcome)
            return outcome

        step = await self.journal.step(
            key,
            "tool",
            call.name[:200],
            work,
            input={"tool": call.name, "arguments": storable(arguments)},
            attempts=attempts,
            on_start=notes.started,
            on_end=notes.ended,
            in_transaction=unit if calls and spec is not None and spec.transactional else None,
            pauses=self.pauses,
            at_once=calls
            and spec is not None
            and spec.effect is Effect.READ
            and not spec.transactional,
            may_wait=alone and (not calls or spec is None or spec.effect is not Effect.WRITE),
        )
        if self.guard is not None and calls and spec is not None and spec.transactional:
            self.guard.record(key, looked)  # not from the transaction's thread
        return step

    def _refusal(self, call: ToolCall, who: Principal | None) -> tuple[str, str] | None:
        """Why this call may not run, or None. Rights are the member's, as they are now."""
        if call.error is not None:
            return ("bad_arguments", call.error)
        if call.name not in self.granted:
            offered = ", ".join(self.granted) or "none"
            return ("unknown_tool", f"There is no tool {call.name!r}. Tools: {offered}.")
        if who is None or not who.may(self.granted[call.name].scope):
            return ("not_allowed", "The member this run acts for may not use this tool.")
        if self.guard is not None and (why := self.guard.refuses(self.granted[call.name])):
            return ("untrusted_content", why)
        return None

    async def _check_half_done(self, key: str, spec: ToolSpec) -> None:
        """A call that had begun when its process died: safe to repeat, or a person's to judge."""
        before = self.journal.find(key)
        if before is None or before.status != "started":
            return
        if spec.transactional or spec.effect is not Effect.WRITE:
            return
        raise NeedsReview(
            "step_unknown",
            f"The tool {spec.name} had been started when the server stopped, and whether it took "
            "effect can't be known. It was not repeated.",
            step=before.seq,
        )

    def _context(self, step: OpenStep, passage: Passage) -> ToolContext:
        run = self.journal.run
        return ToolContext(
            run_id=str(run.id),
            step_key=step.key,
            idempotency_key=f"{run.id}:{step.key}",
            member_id=run.member_id,
            member_time_zone=run.time_zone,
            tenant_schema=current_tenant().schema,
            deadline=run.deadline_clock or None,
            response=passage.response,
        )


def _answer_to(problem: calling.ToolProblem, step: OpenStep, last: int) -> Outcome:
    """A problem worth another attempt goes to the journal, which retries; any other is told."""
    if problem.retryable and step.attempt < last:
        raise problem
    return _refused((problem.code, problem.message))


def _timed(spec: ToolSpec, passage: Passage) -> ToolSpec:
    """The tool with the time that its grants leave it."""
    limit = passage.timeout_ms
    if limit is None or limit / 1000 >= spec.timeout:
        return spec
    return replace(spec, timeout=limit / 1000)


def _refused(reason: tuple[str, str]) -> Outcome:
    code, message = reason
    return Outcome({"text": f"Error: {message}", "data": None}, {"code": code, "message": message})


class _Notes:
    """Publishes the events of one tool step."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def started(self, step: OpenStep) -> None:
        self.journal.log.publish(
            tool_started(
                self.journal.log.source,
                step.position,
                step.started_at,
                step.seq,
                step.name,
                step.input["arguments"],
            )
        )

    def ended(self, opened: OpenStep, step: StepState) -> None:
        self.journal.log.publish(tool_ended(self.journal.log.source, step))


def tool_started(
    source: Source, position: int, at: Any, seq: int, name: str, arguments: Any
) -> Event:
    return make(
        source,
        Cursor(position, 0),
        "tool.started",
        at,
        step=seq,
        tool=name,
        arguments=arguments,
    )


def tool_ended(source: Source, step: StepState) -> Event:
    assert step.finished_position is not None
    cursor, at = Cursor(step.finished_position, 0), step.finished_at
    output = step.output or {}
    if step.error:
        return make(
            source, cursor, "tool.failed", at, step=step.seq, tool=step.name, error=step.error
        )
    data = output.get("data")
    return make(
        source,
        cursor,
        "tool.completed",
        at,
        step=step.seq,
        tool=step.name,
        output=output.get("text") if data is None else data,
        duration_ms=duration_ms(step),
    )


def duration_ms(step: StepState) -> int | None:
    if step.started_at is None or step.finished_at is None:
        return None
    return round((step.finished_at - step.started_at).total_seconds() * 1000)
