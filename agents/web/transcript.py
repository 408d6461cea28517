"""A session as its page shows it: runs with what was said, called and delegated, in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.urls import reverse

from agents.models import Message, Run, Session, Step

PAGE = 20
_SHOWN = (Step.Kind.TOOL, Step.Kind.MODEL, Step.Kind.DELEGATION)
_DECIDED = {
    "approve": "approved",
    "reject": "rejected",
    "respond": "answered",
    "expire": "nobody decided in time",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an answer. `kind` is "text" (then `text`), "tool" (then the rest), or "member".

    A member's `arguments` are its task, and `parts` what it said and did itself.
    """

    kind: str
    step: int
    text: str = ""
    name: str = ""
    label: str = ""
    state: str = ""  # running, done, failed, stopped: as the stylesheet and the script name them
    state_label: str = ""
    arguments: str = ""
    result: str = ""
    duration: str = ""
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run: the member's words, then the parts of the answer; a live run's come by socket."""

    id: UUID
    status: str
    live: bool
    input: str
    asked_at: datetime
    parts: list[Part] = field(default_factory=list)
    error: str = ""
    error_code: str = ""
    trace_id: str = ""
    footer: str = ""
    tree_url: str = ""  # of a team's: the page of who did what


@dataclass(frozen=True, slots=True)
class Transcript:
    """Runs oldest first. `earlier`: the id before which more are to be had, or None."""

    runs: list[RunView]
    earlier: UUID | None

    @property
    def live_run(self) -> RunView | None:
        last = self.runs[-1] if self.runs else None
        return last if last is not None and last.live else None


def transcript(session: Session, before: UUID | None = None) -> Transcript:
    """The newest runs of a session, or those before a run: three queries, however many.

    With a team five: what its members said and did is shown as well.
    """
    steps = Step.objects.filter(kind__in=_SHOWN).order_by("seq")
    rows = (
        Run.objects.filter(session=session, parent__isnull=True)
        .order_by("-id")
        .prefetch_related(
            Prefetch("messages", Message.objects.order_by("position")), Prefetch("steps", steps)
        )
    )
    if session.kind != "agent":
        below = Run.objects.prefetch_related(Prefetch("steps", steps))
        rows = rows.prefetch_related(Prefetch("descendants", below))
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: PAGE + 1])
    runs = [_run_view(run, session.kind) for run in reversed(found[:PAGE])]
    return Transcript(runs, runs[0].id if len(found) > PAGE else None)


def _run_view(run: Run, kind: str) -> RunView:
    said = {message.role: message.content for message in run.messages.all()}
    asked = said.get(Message.Role.USER) or (run.input if isinstance(run.input, str) else "")
    if run.is_live:
        # The script follows it from its beginning: parts drawn here would come a second time.
        return RunView(run.id, run.status, True, asked, run.created_at, tree_url=_tree_url(run))
    error = run.error or {}
    return RunView(
        id=run.id,
        status=run.status,
        live=False,
        input=asked,
        asked_at=run.created_at,
        parts=_parts(run, said.get(Message.Role.ASSISTANT), _below(run) if kind != "agent" else {}),
        error=str(error.get("message") or ""),
        error_code=str(error.get("code") or ""),
        trace_id=run.trace_id,
        footer=_footer(run),
        tree_url=_tree_url(run),
    )


def _tree_url(run: Run) -> str:
    return reverse("web:team-run", args=[run.slug, run.pk]) if run.kind == "team" else ""


def _below(run: Run) -> dict[str, Run]:
    return {str(child.pk): child for child in run.descendants.all()}


def _parts(run: Run, answer: str | None, below: dict[str, Run]) -> list[Part]:
    steps = list(run.steps.all())
    parts = [part for step in steps if (part := _part(step, below)) is not None]
    texts = [part for part in parts if part.kind == "text"]
    if answer and (not texts or texts[-1].text != answer):
        # The message row is what was answered; steps may have been pruned since.
        parts.append(Part("text", (steps[-1].seq if steps else 0) + 1, text=answer))
    return parts


def _part(step: Step, below: dict[str, Run]) -> Part | None:
    output = step.output if isinstance(step.output, dict) else {}
    if step.kind == Step.Kind.DELEGATION:
        return _member(step, below)
    if step.kind == Step.Kind.MODEL:
        text = output.get("text")
        return Part("text", step.seq, text=text) if text and not step.error else None
    if step.error:
        state, label = "failed", "Failed"
        result = str(step.error.get("message") or "The tool failed.")
    elif step.finished_position is None:
        state, label, result = "stopped", "Stopped", ""
    else:
        state, label = "done", "Done"
        data = output.get("data")
        result = shown(output.get("text") if data is None else data)
    arguments = step.input.get("arguments") if isinstance(step.input, dict) else None
    return Part(
        "tool",
        step.seq,
        name=step.name,
        label=tool_label(step.name),
        state=state,
        state_label=", ".join(filter(None, [label, _decided(step)])),
        arguments=shown(arguments),
        result=result,
        duration="" if step.error else taken(_step_ms(step)),
    )


def _member(step: Step, below: dict[str, Run]) -> Part:
    """What a member was asked, and what it said and did."""
    given = step.input if isinstance(step.input, dict) else {}
    child = below.get(str(given.get("run_id")))
    answer = child.output if child is not None and isinstance(child.output, str) else None
    if step.error:
        state, label = "failed", "Failed"
    elif step.finished_position is None:
        state, label = "stopped", "Stopped"
    else:
        state, label = "done", "Done"
    return Part(
        "member",
        step.seq,
        label=step.name,
        state=state,
        state_label=label,
        arguments=str(given.get("task") or ""),
        result=str((step.error or {}).get("message") or ""),
        duration="" if step.error else taken(_step_ms(step)),
        parts=_parts(child, answer, below) if child is not None else [],
    )


def _decided(step: Step) -> str:
    """Who had the last word on a call that was asked for: `approved by Ada`."""
    asked = step.asked[-1] if step.asked else None
    decision = (asked or {}).get("decision") or {}
    word = _DECIDED.get(decision.get("choice", ""), "")
    name = (decision.get("by") or {}).get("name")
    return f"{word} by {name}" if word and name else word


def tool_label(name: str) -> str:
    """`current_time` as people read it: Current time."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def shown(value: Any) -> str:
    """Arguments or a result as text: strings as they are, everything else as indented JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def taken(ms: int | None) -> str:
    """Milliseconds as people read them; the same wording as the script's `taken`."""
    if ms is None:
        return ""
    if ms < 1000:
        return f"{max(ms, 0)} ms"
    tenths = (ms + 50) // 100
    return f"{tenths / 10:.1f} s" if ms < 60_000 else f"{ms // 60_000} min {ms // 1000 % 60} s"


def _step_ms(step: Step) -> int | None:
    if step.started_at is None or step.finished_at is None:
        return None
    return round((step.finished_at - step.started_at) / timedelta(milliseconds=1))


def _run_ms(run: Run) -> int | None:
    """Between the two times as the API shows them, cut to milliseconds, as a browser reads them."""
    if run.started_at is None or run.finished_at is None:
        return None
    return _milliseconds(run.finished_at) - _milliseconds(run.started_at)


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _footer(run: Run) -> str:
    tokens = run.input_tokens + run.output_tokens
    counted = f"{tokens:,} tokens" if tokens else ""
    return " · ".join(filter(None, [taken(_run_ms(run)), counted]))
