"""A run's journal as a waterfall: where in the run's time each step lies, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from agents.admin.shown import STATUS_TONE, as_text, duration, money
from agents.admin.verdict_shown import verdict_text, verdict_tone
from agents.models import Run, Step

# What is sent of one value to the page; a journal may hold far more.
SHOWN_CHARS = 4_000
_NARROWEST = 0.6  # per cent of the width, so that a short step can still be seen


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output to fold out. `cut`: characters left away."""

    label: str
    text: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """One step. `left` and `width` are per cent of the run's time, ready for CSS."""

    seq: int
    kind: str
    kind_label: str
    name: str
    key: str
    status: str
    status_label: str
    tone: str
    attempt: int
    left: str
    width: str
    starts: str
    takes: str
    tokens: str
    cost: str
    answered: str
    error: str
    values: tuple[Value, ...]
    under_way: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`ticks` are (per cent, label) of the axis; `total` is the whole time, for people."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[str, str], ...]
    total: str


def waterfall(run: Run, steps: list[Step], now: datetime | None = None) -> Waterfall:
    """Lay the steps out over the run's time, from its start (or its queueing) to its end or now."""
    now = now or timezone.now()
    begin = run.started_at or run.created_at
    end = run.finished_at or now
    for step in steps:  # a resumed run's clock may have begun before
        begin = min(begin, step.started_at)
        end = max(end, step.finished_at or step.started_at)
    total = max((end - begin).total_seconds(), 0.001)
    bars = tuple(_bar(step, begin, total, end, run) for step in steps)
    ticks = tuple(
        (f"{part}%", duration(total * part / 100) if part else "0") for part in (0, 25, 50, 75, 100)
    )
    return Waterfall(bars, ticks, duration(total))


def _bar(step: Step, begin: datetime, total: float, end: datetime, run: Run) -> Bar:
    under_way = step.finished_at is None and run.is_live
    stop = step.finished_at or (end if under_way else step.started_at)
    left = min((step.started_at - begin).total_seconds() / total * 100, 100 - _NARROWEST)
    takes = (stop - step.started_at).total_seconds()
    width = min(max(takes / total * 100, _NARROWEST), 100 - left)
    ended_early = step.status == Step.Status.STARTED and not run.is_live
    return Bar(
        seq=step.seq,
        kind=step.kind,
        kind_label=step.get_kind_display(),
        name=step.name,
        key=step.key,
        status=step.status,
        status_label="Not finished" if ended_early else step.get_status_display(),
        tone="neutral"
        if ended_early
        else verdict_tone(step) or STATUS_TONE.get(step.status, "neutral"),
        attempt=step.attempt,
        left=f"{left:.3f}%",
        width=f"{width:.3f}%",
        starts="+" + duration((step.started_at - begin).total_seconds()),
        takes=duration(takes) if step.finished_at or under_way else "—",
        tokens=_tokens(step.input_tokens, step.output_tokens),
        cost=money(step.cost, run.model.get("currency") or "") if step.cost is not None else "",
        answered=answered_by(step),
        error=_error(step.error) or verdict_text(step),
        values=tuple(_values(step)),
        under_way=under_way,
    )


def answered_by(step: Step) -> str:
    """The model that answered and those that could not; "" where the first that was asked did."""
    output = step.output if isinstance(step.output, dict) else {}
    model = output.get("model")
    if step.kind != Step.Kind.MODEL or not isinstance(model, dict) or not model.get("tried"):
        return ""
    before = ", ".join(f"{link['name']}: {link['why']}" for link in model["tried"])
    return f"{model['name']}, after {before}"


def _tokens(given: int, made: int) -> str:
    return f"{given:,} in · {made:,} out" if given or made else ""


def _error(error: Any) -> str:
    if not error:
        return ""
    if isinstance(error, dict):
        return ": ".join(str(error[name]) for name in ("code", "message") if error.get(name))
    return str(error)


def _values(step: Step) -> list[Value]:
    found = []
    for label, raw in (("Input", step.input), ("Output", step.output)):
        text = as_text(raw)
        if text:
            found.append(Value(label, text[:SHOWN_CHARS], max(len(text) - SHOWN_CHARS, 0)))
    return found
