"""The gate before a tool: whether it may be called now, and with what, or who is asked first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from agents.runtime.asking import has_expired, last_asked
from agents.runtime.guarding import RunGuard
from agents.runtime.journal import Journal
from agents.runtime.outcomes import Outcome
from agents.runtime.questions import Question
from agents.runtime.settle import expire
from agents.tools import calling
from agents.tools.output import shape, storable
from agents.tools.spec import ToolSpec
from approvals.audit.tool_calls import tool_called
from approvals.call_rate import take_call
from approvals.grants import ruling_for, timeout_of
from approvals.policy import Ruling, beyond_run
from approvals.tiers import RANK
from tenants.accounts.principal import Principal
from tenants.hop import hop
from tenants.pool import tenant_connection


@dataclass(frozen=True, slots=True)
class Passage:
    """The call may go on with these arguments; or, with an outcome, is answered without it."""

    arguments: Any
    response: BaseModel | None = None
    outcome: Outcome | None = None
    tier: str | None = None
    """Of a call that goes on record."""
    timeout_ms: int | None = None
    """What the call may take by its grants."""


class Gate:
    """Of one run. A call that needs nobody passes without a statement."""

    def __init__(self, journal: Journal, guard: RunGuard | None = None) -> None:
        self.journal = journal
        self.guard = guard

    async def pass_through(
        self, key: str, spec: ToolSpec, arguments: Any, parsed: BaseModel, who: Principal
    ) -> Passage | None:
        """None while the call waits for people: its step is recorded as waiting."""
        step = self.journal.find(key)
        if step is None or not step.asked:
            passage = await self._begin(key, spec, arguments, parsed, who)
        elif step.status == "waiting" and await decision_on(self.journal, key) is None:
            return None
        else:
            passage = await self._after(key, spec, parsed, who)
            if passage is not None and passage.outcome is None:
                passage = replace(passage, timeout_ms=await self._timeout(spec))
        if passage is not None and passage.tier is not None:
            await self._tell(key, spec, passage)
        return passage

    async def _tell(self, key: str, spec: ToolSpec, passage: Passage) -> None:
        """Put the call on record before it is made: a crash leaves the record, not the call."""
        error = passage.outcome.error if passage.outcome is not None else None
        async with tenant_connection() as conn:
            await tool_called(
                conn,
                self.journal.run.id,
                spec.name,
                "refused" if error else "ok",
                step=key,
                tier=str(passage.tier),
                why=str(error["message"]) if error else "",
            )

    async def _begin(
        self, key: str, spec: ToolSpec, arguments: Any, parsed: BaseModel, who: Principal
    ) -> Passage | None:
        shown = storable(arguments)
        ruling = await self._ruling(spec, parsed, who)
        refused = ruling.refused or await self._too_often(key, spec, ruling)
        if refused:
            outcome = refusal("not_allowed", refused)
            return Passage(arguments, outcome=outcome, tier=ruling.tier)
        kind = "external" if spec.external else "input" if spec.asks else ""
        # Filling in a form or doing the work oneself is consent; another's is asked for before.
        if ruling.tier == "admin" or (ruling.asks and not kind):
            await self._ask(key, spec, "confirm", shown, ruling)
            return None
        if kind:
            await self._ask(key, spec, kind, shown, ruling, parsed)
            return None
        tier = ruling.tier if ruling.recorded else None
        return Passage(arguments, tier=tier, timeout_ms=ruling.timeout_ms)

    async def _ruling(self, spec: ToolSpec, parsed: BaseModel, who: Principal) -> Ruling:
        arguments = parsed.model_dump(mode="json")
        slug, teams = self._holders()
        tainted = self.guard is not None and self.guard.raises_tier
        return await ruling_for(
            slug, spec.name, spec.tier, spec.effect, arguments, who, tainted, teams
        )

    async def _timeout(self, spec: ToolSpec) -> int | None:
        slug, teams = self._holders()
        return await timeout_of(slug, spec.name, teams)

    def _holders(self) -> tuple[str, list[str]]:
        """Whose grants hold: the agent's, and those of the teams that it works in."""
        run = self.journal.run
        slug = run.slug if run.kind != "workflow" else f"workflow:{run.slug}"
        above = [one.run for one in self.journal.ancestors()]
        return slug, [one.slug for one in above if one.kind == "team"]

    async def _too_often(self, key: str, spec: ToolSpec, ruling: Ruling) -> str:
        if self.journal.find(key) is not None:  # entered again: it was counted when it began
            return ""
        known = self.journal.tool_keys(spec.name) if ruling.calls_per_run is not None else []
        told = beyond_run(ruling, key, known)
        return told or await take_call(ruling, self.journal.run.member_id)

    async def _ask(
        self,
        key: str,
        spec: ToolSpec,
        kind: str,
        shown: Any,
        ruling: Ruling,
        parsed: BaseModel | None = None,
    ) -> None:
        fields = None
        if kind == "input":
            assert spec.asks is not None and parsed is not None
            fields = spec.asks(parsed).model_json_schema()
        question = Question(kind, spec.name, str(spec.effect), shown, ruling, fields)
        await self.journal.ask(key, spec.name, question, {"tool": spec.name, "arguments": shown})

    async def _after(
        self, key: str, spec: ToolSpec, parsed: BaseModel, who: Principal
    ) -> Passage | None:
        """What follows from all that was decided: the call, its refusal, or the next question."""
        step = self.journal.find(key)
        assert step is not None and step.asked
        arguments, tier = step.asked[0]["arguments"], step.asked[0]["tier"]
        for asked in step.asked:
            decision = asked["decision"]
            if decision["choice"] in ("reject", "expire"):
                return Passage(arguments, outcome=_said_no(decision), tier=tier)
            arguments = decision["arguments"] if decision["arguments"] is not None else arguments
        last = step.asked[-1]
        if last["kind"] == "confirm" and last["decision"]["arguments"] is not None:
            ruling = await self._ruling(spec, calling.parse_arguments(spec, arguments), who)
            if ruling.refused:
                outcome = refusal("not_allowed", ruling.refused)
                return Passage(arguments, outcome=outcome, tier=tier)
            if RANK[ruling.tier] > RANK[last["tier"]]:
                # Edited into a call that somebody stricter has to agree to.
                await self._ask(key, spec, "confirm", arguments, ruling)
                return None
        if last["kind"] == "external":
            told = shape(last["decision"]["response"], spec.max_output)
            outcome = Outcome({"text": told.text, "data": told.data})
            return Passage(arguments, outcome=outcome, tier=tier)
        if last["kind"] == "input":
            assert spec.asks is not None
            form = spec.asks(calling.parse_arguments(spec, arguments))
            response = form.model_validate(last["decision"]["response"])
            return Passage(arguments, response, tier=tier)
        kind = "external" if spec.external else "input" if spec.asks else ""
        if kind:
            changed = calling.parse_arguments(spec, arguments)
            ruling = await self._ruling(spec, changed, who)
            await self._ask(key, spec, kind, arguments, ruling, changed)
            return None
        return Passage(arguments, tier=tier)


async def decision_on(journal: Journal, key: str) -> dict[str, Any] | None:
    """What was decided on the step's last question, by people or by now by the clock; else None."""
    step = journal.find(key)
    asked = last_asked(step)
    assert step is not None and asked is not None
    if asked["decision"] is None and has_expired(asked):
        step.asked = await hop(expire, journal.run.id, key)
    return await journal.take_decision(key)


def _said_no(decision: dict[str, Any]) -> Outcome:
    if decision["choice"] == "expire":
        message = "Nobody decided on this call in time, so it was not made."
        code = "expired"
    else:
        who = (decision["by"] or {}).get("name") or "somebody"
        why = f" They said: {decision['reason']}" if decision["reason"] else ""
        message, code = f"{who} rejected this call, so it was not made.{why}", "rejected"
    return refusal(code, message)


def refusal(code: str, message: str) -> Outcome:
    """The answer to a call that is not made: the model is told why."""
    return Outcome({"text": message, "data": None}, {"code": code, "message": message})
