"""From specs to what runs: for each stage patterns, checks of a whole text, and calls out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agents.guardrails import injection, pii, secrets
from agents.guardrails.redacting import Rule, Rules
from agents.guardrails.scanning import Detector
from agents.guardrails.specs import (
    GuardrailSpec,
    Injection,
    Judge,
    Length,
    Moderation,
    Pii,
    Schema,
    Secrets,
    Topic,
)
from agents.guardrails.verdicts import Stage


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What happens at one stage. `scanning` are the guardrails behind `rules`.

    `unreadable` names guardrails whose settings can't be read: they let nothing pass.
    """

    stage: Stage
    rules: Rules | None
    scanning: tuple[GuardrailSpec, ...]
    lengths: tuple[Length, ...]
    topics: tuple[Topic, ...]
    schemas: tuple[Schema, ...]
    calls: tuple[Moderation | Judge, ...]
    unreadable: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether there is a check that needs the whole text: nothing is shown before it."""
        return bool(self.lengths or self.topics or self.schemas or self.calls)


@dataclass(frozen=True, slots=True)
class Plan:
    """All guardrails of one agent in one tenant. `after_untrusted` is the strictest of theirs."""

    stages: Mapping[Stage, StagePlan]
    mark_data: bool
    after_untrusted: str

    def at(self, stage: Stage) -> StagePlan | None:
        return self.stages.get(stage)


UNGUARDED = Plan({}, mark_data=False, after_untrusted="raise_tier")
"""For runs without a guardrail whose tools read what comes from outside."""
_AFTER = ("nothing", "raise_tier", "read_only")


def make_plan(specs: Iterable[GuardrailSpec], unreadable: tuple[str, ...] = ()) -> Plan | None:
    """None when there is nothing to do. Specs that come first win where names are repeated."""
    named: dict[str, GuardrailSpec] = {}
    for spec in specs:
        named.setdefault(spec.name, spec)
    if not named and not unreadable:
        return None
    chosen = tuple(named.values())
    orders = [spec for spec in chosen if isinstance(spec, Injection)]
    stages = {
        stage: _stage(stage, here)
        for stage in Stage
        if (here := tuple(spec for spec in chosen if stage in spec.stages))
    }
    if unreadable:
        given = stages.get(Stage.INPUT) or _stage(Stage.INPUT, ())
        stages[Stage.INPUT] = replace(given, unreadable=unreadable)
    return Plan(
        stages=stages,
        mark_data=any(spec.mark_data for spec in orders),
        after_untrusted=max(
            (spec.after_untrusted for spec in orders), key=_AFTER.index, default="raise_tier"
        ),
    )


def _stage(stage: Stage, specs: tuple[GuardrailSpec, ...]) -> StagePlan:
    rules: list[Rule] = []
    scanning = []
    for spec in specs:
        own = list(_rules(spec))
        if own:
            scanning.append(spec)
            rules.extend(own)
    return StagePlan(
        stage,
        Rules(rules) if rules else None,
        tuple(scanning),
        lengths=tuple(spec for spec in specs if isinstance(spec, Length)),
        topics=tuple(spec for spec in specs if isinstance(spec, Topic) and spec.allow),
        schemas=tuple(spec for spec in specs if isinstance(spec, Schema)),
        calls=tuple(
            spec
            for spec in specs
            if isinstance(spec, Judge) or (isinstance(spec, Moderation) and spec.provider)
        ),
    )


def _rules(spec: GuardrailSpec) -> Iterable[Rule]:
    match spec:
        case Pii():
            for kind, how in spec.kinds.items():
                yield from (Rule(one, spec.name, how) for one in pii.DETECTORS[kind])
        case Secrets():
            how = "block" if spec.action == "block" else "mask"
            yield from (Rule(one, spec.name, how) for one in secrets.DETECTORS)
        case Injection():
            action = "mask" if spec.action == "redact" else spec.action
            yield from (Rule(one, spec.name, action) for one in injection.DETECTORS)
        case Moderation() if spec.words:
            yield Rule(_words(spec.words, "a word of the list"), spec.name, "block", "removed")
        case Topic() if spec.deny:
            how = "block" if spec.action == "block" else "mask"
            yield Rule(_words(spec.deny, "a word of the list"), spec.name, how, "removed")


def _words(words: tuple[str, ...], what: str) -> Detector:
    """Whole words or phrases, whatever their case and the blanks between them."""
    return Detector(
        what, needs=("",), before=r"(?<!\w)", body=f"(?i:{_any_of(words)})", after=r"(?!\w)"
    )


def _any_of(words: Iterable[str]) -> str:
    phrases = sorted({" ".join(word.split()) for word in words if word.strip()}, key=len)
    return "|".join(re.escape(phrase).replace(r"\ ", r"\s{1,4}") for phrase in reversed(phrases))


def says_one_of(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of these words or phrases comes up."""
    return re.search(rf"(?<!\w)(?i:{_any_of(words)})(?!\w)", text) is not None
