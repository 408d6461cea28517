"""The checks that need nobody else: a text in, the text as it may go on and the verdicts out."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.guardrails.plan import StagePlan, says_one_of
from agents.guardrails.redacting import Rules, action_of, changed_in_data
from agents.guardrails.scanning import Found
from agents.guardrails.schema_check import complaints
from agents.guardrails.specs import GuardrailSpec
from agents.guardrails.verdicts import Action, Span, Stage, Verdict

log = logging.getLogger(__name__)


CODES = {
    "pii": "pii",
    "secrets": "secret",
    "injection": "injection",
    "moderation": "moderation",
    "topic": "topic",
    "length": "length",
    "schema": "schema",
    "judge": "judge",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """`value` is the text, or the JSON, as it may go on; of what is blocked it holds nothing."""

    value: Any
    verdicts: tuple[Verdict, ...]

    @property
    def blocked(self) -> Verdict | None:
        return first_block(self.verdicts)


def first_block(verdicts: Sequence[Verdict]) -> Verdict | None:
    return next((verdict for verdict in verdicts if verdict.blocks), None)


def look(plan: StagePlan, text: str) -> Looked:
    """Patterns, lengths and topics over a whole text. Schemas and calls are for their callers."""
    verdicts: list[Verdict] = []
    if plan.rules is not None:
        text = _scan(plan, plan.rules, text, verdicts)
    return Looked(text, (*verdicts, *whole_text(plan, text)))


def look_at_data(plan: StagePlan, data: Any, text: str = "") -> tuple[Looked, str]:
    """Patterns over every text in a JSON value, and over the `text` that says the same."""
    rules, verdicts = plan.rules, []
    if rules is not None:
        began, seen = time.perf_counter(), []

        def change(value: str) -> str:
            redacted = rules.redact(value)
            seen.extend(redacted.found)
            return redacted.text

        try:
            data = changed_in_data(data, change)
            text = change(text) if text else text
        except Exception:
            log.exception("the guardrails' patterns failed")
            verdicts += [failed(spec, plan.stage) for spec in plan.scanning]
        else:
            verdicts += scan_verdicts(plan, rules, seen, time.perf_counter() - began, places=False)
    return Looked(data, (*verdicts, *whole_text(plan, text or _texts(data)))), text


def _texts(data: Any) -> str:
    """All text in a JSON value, for checks of length and topic."""
    if isinstance(data, dict):
        return " ".join(_texts(inner) for inner in data.values())
    if isinstance(data, list):
        return " ".join(map(_texts, data))
    return "" if data is None else str(data)


def whole_text(plan: StagePlan, text: str) -> list[Verdict]:
    """Length and topic, and the word of those whose settings can't be read."""
    verdicts = [
        Verdict(
            name,
            "unreadable",
            plan.stage,
            Action.BLOCK,
            "guardrail_failed",
            "its settings can't be read",
        )
        for name in plan.unreadable
    ]
    for limit in plan.lengths:
        reason = f"it is longer than {limit.characters:,} characters"
        wrong = reason if len(text) > limit.characters else ""
        verdicts.append(_verdict(limit, plan.stage, wrong))
    for topic in plan.topics:
        began = time.perf_counter()
        wrong = "" if says_one_of(text, topic.allow) else "none of the allowed topics comes up"
        verdicts.append(_verdict(topic, plan.stage, wrong, time.perf_counter() - began))
    return verdicts


def schema_verdicts(plan: StagePlan, text: str) -> tuple[list[Verdict], list[str]]:
    """The schemas' verdicts, and what there is to mend where mending is allowed."""
    verdicts, mend = [], []
    for spec in plan.schemas:
        began = time.perf_counter()
        try:
            wrong = complaints(text, spec.json_schema)
        except Exception:
            log.exception("the guardrail %s failed", spec.name)
            verdicts.append(failed(spec, plan.stage))
            continue
        said = f"it does not match the schema in {len(wrong)} place(s)" if wrong else ""
        verdicts.append(_verdict(spec, plan.stage, said, time.perf_counter() - began))
        if spec.repair:
            mend += wrong
    return verdicts, mend


def _verdict(spec: GuardrailSpec, stage: Stage, wrong: str, seconds: float = 0.0) -> Verdict:
    if not wrong:
        return Verdict(spec.name, spec.kind, stage, seconds=seconds)
    return Verdict(
        spec.name, spec.kind, stage, Action.BLOCK, CODES[spec.kind], wrong, seconds=seconds
    )


def failed(spec: GuardrailSpec, stage: Stage, why: str = "the check failed") -> Verdict:
    """A check that could not be made counts as its configuration says."""
    action = Action.BLOCK if spec.on_error == "block" else Action.ALLOW
    return Verdict(spec.name, spec.kind, stage, action, "guardrail_failed", why)


def _scan(plan: StagePlan, rules: Rules, text: str, verdicts: list[Verdict]) -> str:
    began = time.perf_counter()
    try:
        redacted = rules.redact(text)
    except Exception:
        log.exception("the guardrails' patterns failed")
        verdicts += [failed(spec, plan.stage) for spec in plan.scanning]
        return "" if first_block(verdicts) else text
    verdicts += scan_verdicts(plan, rules, redacted.found, time.perf_counter() - began)
    return redacted.text


def scan_verdicts(
    plan: StagePlan, rules: Rules, found: Sequence[Found], seconds: float, *, places: bool = True
) -> list[Verdict]:
    """One verdict of each guardrail behind the patterns. Without `places` they have no spans."""
    verdicts = []
    for spec in plan.scanning:
        action, spans = action_of(rules, found, spec.name)
        if not spans:
            verdicts.append(Verdict(spec.name, spec.kind, plan.stage, seconds=seconds))
            continue
        verdicts.append(
            Verdict(
                spec.name,
                spec.kind,
                plan.stage,
                action,
                CODES[spec.kind],
                _kinds(spans),
                tuple(spans) if places else (),
                seconds,
            )
        )
    return verdicts


def _kinds(spans: Sequence[Span]) -> str:
    return ", ".join(dict.fromkeys(span.what for span in spans))
