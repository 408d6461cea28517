"""The checks that ask somebody else: a moderation endpoint, another model. Each has a time-out."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from agents.guardrails.injection import as_data, explanation
from agents.guardrails.looking import CODES, failed
from agents.guardrails.plan import StagePlan
from agents.guardrails.specs import Judge, Moderation
from agents.guardrails.verdicts import Action, Stage, Verdict
from agents.models_llm.errors import ModelError
from agents.models_llm.protocol import Delta, TurnBuilder
from agents.providers.chain import ModelChain
from agents.providers.moderation import moderate
from agents.providers.resolve import resolve
from tenants.outage import database_away

log = logging.getLogger(__name__)
_ANSWER = re.compile(r"\{[^{}]*\}")


async def call_out(plan: StagePlan, text: str, skip: frozenset[str] = frozenset()) -> list[Verdict]:
    """The verdicts of the stage's calls, made at the same time; `skip` names those not to make."""
    specs = [spec for spec in plan.calls if spec.name not in skip]
    if not specs or not text.strip():
        return []
    return list(await asyncio.gather(*(_one(spec, plan.stage, text) for spec in specs)))


async def _one(spec: Moderation | Judge, stage: Stage, text: str) -> Verdict:
    began = time.perf_counter()
    limit = asyncio.timeout(spec.seconds)
    try:
        async with limit:
            if isinstance(spec, Moderation):
                verdict = await _moderated(spec, stage, text)
            else:
                verdict = await _judged(spec, stage, text)
    except Exception as error:
        if database_away(error):  # no failure of the check: the run waits for the database
            raise
        slow = limit.expired() and isinstance(error, TimeoutError)
        why = f"the check took longer than {spec.seconds:g} s" if slow else "the check failed"
        known = isinstance(error, ModelError | TimeoutError | ValueError)
        log.warning("guardrail %s: %s", spec.name, why, exc_info=None if known else error)
        verdict = failed(spec, stage, why)
    return replace(verdict, seconds=time.perf_counter() - began)


async def _moderated(spec: Moderation, stage: Stage, text: str) -> Verdict:
    flagged = await moderate(spec.provider, spec.model, text)
    if not flagged:
        return Verdict(spec.name, spec.kind, stage)
    return Verdict(
        spec.name, spec.kind, stage, Action.BLOCK, CODES[spec.kind], ", ".join(sorted(flagged))
    )


async def _judged(spec: Judge, stage: Stage, text: str) -> Verdict:
    model = await resolve(spec.model)
    chain = ModelChain(model, attempts=1, with_tools=False)
    builder = TurnBuilder()
    async with chain.call() as link:
        stream = link.client.stream_turn(_question(spec, text))
        async with aclosing(cast(Any, stream)) as deltas:
            delta: Delta
            async for delta in deltas:
                builder.add(delta)
    turn = builder.turn()
    _, cost = chain.answered(turn.usage)
    allowed = _allowed(turn.text)
    verdict = Verdict(
        spec.name,
        spec.kind,
        stage,
        input_tokens=turn.usage.input_tokens if turn.usage else 0,
        output_tokens=turn.usage.output_tokens if turn.usage else 0,
        cost=cost,
    )
    if allowed is None:
        word = failed(spec, stage, "the judge gave no verdict")
        return replace(verdict, action=word.action, code=word.code, reason=word.reason)
    if allowed:
        return verdict
    # Fixed words: a model's reason would quote what nobody is to read.
    reason = "it does not keep to the rules it is judged by"
    return replace(verdict, action=Action.BLOCK, code=CODES[spec.kind], reason=reason)


def _question(spec: Judge, text: str) -> list[BaseMessage]:
    mark = secrets.token_hex(8)
    rules = (
        "You check a text against rules and decide whether it may pass.\n\n"
        f"The rules:\n{spec.rules}\n\n{explanation(mark)}\n"
        'Answer with JSON and nothing else: {"allow": true} or {"allow": false}.'
    )
    return [SystemMessage(rules), HumanMessage(as_data(text, mark))]


def _allowed(answer: str) -> bool | None:
    for found in reversed(_ANSWER.findall(answer)):
        try:
            allow = json.loads(found).get("allow")
        except ValueError:
            continue
        if isinstance(allow, bool):
            return allow
    return None
