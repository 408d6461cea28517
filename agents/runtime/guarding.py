"""A run's guardrails at work: where each stage is looked at, and what a verdict does to the run.

Everything here replays: an entered run finds its verdicts in the journal, and what they changed is
recorded in its changed form only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from langchain_core.messages import SystemMessage

from agents.guardrails.calling_out import call_out
from agents.guardrails.injection import as_data, data_mark, explanation
from agents.guardrails.looking import Looked, first_block, look, look_at_data
from agents.guardrails.plan import Plan, StagePlan
from agents.guardrails.verdicts import Stage, Verdict
from agents.models_llm.protocol import ToolCall, Turn
from agents.runtime.faults import RunFault
from agents.runtime.guarded_output import Again, GuardedOutput
from agents.runtime.journal import Journal
from agents.runtime.log import MessageText
from agents.runtime.outcomes import Outcome, as_text
from agents.runtime.state import OpenStep, StepState
from agents.runtime.verdict_rows import verdict_key
from agents.tools.spec import Effect, ToolSpec

WITHHELD = "The result was withheld by a guardrail"


def blocked(verdict: Verdict) -> RunFault:
    """How a run ends by a verdict."""
    return fault_of(verdict.error())


def fault_of(error: dict[str, Any]) -> RunFault:
    """A recorded error as the fault it was."""
    detail = {name: value for name, value in error.items() if name not in ("code", "message")}
    return RunFault(str(error["code"]), str(error["message"]), **detail)


class RunGuard:
    """The guardrails of one entry into one run.

    `tainted`: the model has read what comes from outside, or what a guardrail against injection
    tripped over. It is set between turns, so that it doesn't depend on which call ends first.
    """

    def __init__(self, journal: Journal, plan: Plan) -> None:
        self.journal = journal
        self.plan = plan
        self.mark = data_mark(str(journal.run.id)) if plan.mark_data else ""
        self.tainted = False

    # --- the input --------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Before the first turn: what was found at the start counts, and calls out are made.

        Raises RunFault when the input is blocked: no model has been asked anything by then.
        """
        for step in self.journal.verdicts("input"):
            if step.output["action"] == "block":
                raise RunFault(
                    "guardrail_blocked",
                    f"The guardrail “{step.name}” blocked the input: {step.output['reason']}.",
                    guardrail=step.name,
                    stage=Stage.INPUT.value,
                    reason=step.output["code"],
                )
        stage = self.plan.at(Stage.INPUT)
        if stage is None or not stage.calls:
            return
        known = frozenset(step.name for step in self.journal.verdicts("input"))
        said = await call_out(stage, as_text(self.journal.run.input), known)
        self.record("input", said)
        if (block := first_block(said)) is not None:
            raise blocked(block)

    def look_at_task(self) -> None:
        """Of a child run: what guardrails say of the task it was given, for `enter` to act on.

        What may be kept of the text was decided before it was written; this is the record.
        """
        if not self.journal.verdicts("input"):
            self.record("input", input_looked(self.plan, self.journal.run.input).verdicts)

    def opening(self, messages: list[Any]) -> list[Any]:
        """The conversation's beginning with a word on what the marks around data mean."""
        if not self.mark:
            return messages
        told = explanation(self.mark)
        if messages:
            return [SystemMessage(f"{messages[0].content}\n\n{told}"), *messages[1:]]
        return [SystemMessage(told)]

    # --- what the model says ----------------------------------------------------------------------

    def output(self, text: MessageText) -> GuardedOutput | None:
        """For one attempt of a model step. None: nothing looks at what it says."""
        stage = self.plan.at(Stage.OUTPUT)
        return GuardedOutput(stage, self.journal.log, text) if stage is not None else None

    async def settle(
        self, step: OpenStep, said: GuardedOutput | None, turn: Turn, outcome: Outcome, again: Again
    ) -> None:
        """Make `outcome` what may be recorded of the turn: its text and its calls, or a refusal."""
        if said is not None:
            text, verdicts = await said.settle(turn, again)
            self.record(step.key, verdicts)
            outcome.output["text"] = text
            if (block := first_block(verdicts)) is not None:
                outcome.output |= {"tool_calls": [], "finish_reason": "guardrail"}
                outcome.error = block.error()
                return
        calls = await self.arguments(step.key, turn.tool_calls)
        outcome.output["tool_calls"] = [asdict(call) for call in calls]

    # --- tool calls -------------------------------------------------------------------------------

    async def arguments(self, place: str, calls: Sequence[ToolCall]) -> list[ToolCall]:
        """The model's calls as they may be recorded and made; a blocked one carries its refusal."""
        stage = self.plan.at(Stage.TOOL_ARGUMENTS)
        if stage is None:
            return list(calls)
        made = []
        for index, call in enumerate(calls):
            looked, raw = look_at_data(stage, call.parsed, call.arguments)
            self.record(f"{place}:call:{index}", looked.verdicts)
            made.append(_as_allowed(call, looked, raw))
        if not stage.calls:
            return made
        said = await asyncio.gather(*(_asked(stage, call) for call in made))
        for index, verdicts in enumerate(said):
            self.record(f"{place}:call:{index}", verdicts)
            if (block := first_block(verdicts)) is not None:
                made[index] = _refused(made[index], block)
        return made

    def result(self, outcome: Outcome) -> tuple[Outcome, tuple[Verdict, ...]]:
        """A tool's result as it may be recorded, and the verdicts that are to be. Any thread."""
        stage = self.plan.at(Stage.TOOL_RESULT)
        if stage is None or not isinstance(outcome.output, dict):
            return outcome, ()
        error = outcome.error or {}
        looked, text = look_at_data(
            stage,
            [outcome.output.get("data"), error.get("message")],
            str(outcome.output.get("text") or ""),
        )
        if looked.blocked is not None:
            return _withheld(looked.blocked), looked.verdicts
        data, message = looked.value
        return replace(
            outcome,
            output={**outcome.output, "text": text, "data": data},
            error={**error, "message": message} if outcome.error is not None else None,
        ), looked.verdicts

    async def message(self, step: StepState) -> str:
        """What the model is told of a call: after the calls out, and between marks as data.

        A result that they refuse stays in the journal, which is no place of the model's.
        """
        text = str(step.output["text"])
        return text if step.error is not None else await self.withheld(step) or self.data(text)

    async def withheld(self, step: StepState) -> str:
        """What is told instead of a result that the calls out refuse; "" of any other."""
        stage = self.plan.at(Stage.TOOL_RESULT)
        if stage is not None and stage.calls:
            known = self.journal.verdicts(step.key)
            text = str(step.output["text"])
            said = await call_out(stage, text, frozenset(one.name for one in known))
            self.record(step.key, said)
            blocks = [one.output["action"] == "block" for one in known]
            if any(blocks) or first_block(said) is not None:
                return f"Error: {WITHHELD}."
        return ""

    def data(self, text: str) -> str:
        """A text between marks as data, where the tenant has asked for them."""
        return as_data(text, self.mark) if self.mark else text

    def heard(self, steps: Sequence[tuple[ToolSpec | None, str]]) -> None:
        """A turn's calls are over: each tool, and the key of its step."""
        for spec, key in steps:
            if (spec is not None and spec.untrusted) or any(
                step.output.get("code") == "injection" for step in self.journal.verdicts(key)
            ):
                self.tainted = True

    @property
    def raises_tier(self) -> bool:
        """Whether grants are to take the run as one that has read untrusted content."""
        return self.tainted and self.plan.after_untrusted != "nothing"

    def refuses(self, spec: ToolSpec) -> str:
        """Why this tool may not be called any more, or ""."""
        if not self.tainted or self.plan.after_untrusted != "read_only":
            return ""
        if spec.effect is Effect.READ:
            return ""
        return "This run has read content from outside: tools that write are closed to it."

    # --- the journal ------------------------------------------------------------------------------

    def record(self, place: str, verdicts: Sequence[Verdict]) -> None:
        """Into the journal, with its next write."""
        for verdict in verdicts:
            self.journal.add_verdict(verdict_key(place, verdict), verdict)


def _as_allowed(call: ToolCall, looked: Looked, raw: str) -> ToolCall:
    if looked.blocked is not None:
        return _refused(call, looked.blocked)
    return replace(call, arguments=raw, parsed=looked.value)


async def _asked(stage: StagePlan, call: ToolCall) -> list[Verdict]:
    """The verdicts of the stage's calls out; of a call that is refused already nobody is asked."""
    return [] if call.error else await call_out(stage, f"{call.name} {call.arguments}")


def _refused(call: ToolCall, verdict: Verdict) -> ToolCall:
    why = f"The guardrail “{verdict.guardrail}” refused it: {verdict.reason}."
    return replace(call, arguments="", parsed=None, error=why)


def _withheld(verdict: Verdict) -> Outcome:
    message = f"{WITHHELD}: {verdict.reason}."
    return Outcome(
        {"text": f"Error: {message}", "data": None},
        {"code": "guardrail_blocked", "message": message, "guardrail": verdict.guardrail},
    )


def input_looked(plan: Plan | None, given: Any) -> Looked:
    """The input, text or JSON, as it may be written anywhere, before the run exists."""
    stage = plan.at(Stage.INPUT) if plan is not None else None
    if stage is None:
        return Looked(given, ())
    return look(stage, given) if isinstance(given, str) else look_at_data(stage, given)[0]
