"""What the runtime counts of runs and steps, in a line where each happens; and a run's log line."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any

from django.conf import settings

from agents.runtime.asking import waited
from agents.runtime.state import RunState
from config.metrics import (
    MODEL_CALLS,
    MODEL_SECONDS,
    MODEL_TOKENS,
    RUN_SECONDS,
    RUNS_FINISHED,
    RUNS_STARTED,
    TOOL_CALLS,
    TOOL_SECONDS,
)
from tenants.context import current_tenant

log = logging.getLogger("concord.runs")

# Error codes come from our own list, or from a model endpoint's mood: the list is kept short.
_MOST_OUTCOMES = 64
_outcomes: set[str] = {"ok"}


@cache
def _started(tenant_class: str, how: str) -> Any:
    return RUNS_STARTED.labels(tenant_class, how).inc


@cache
def _finished(tenant_class: str, status: str) -> tuple[Any, Any]:
    return (
        RUNS_FINISHED.labels(tenant_class, status).inc,
        RUN_SECONDS.labels(tenant_class).observe,
    )


@cache
def _called(kind: str, outcome: str) -> tuple[Any, Any]:
    if kind == "model":
        return MODEL_CALLS.labels(outcome).inc, MODEL_SECONDS.observe
    return TOOL_CALLS.labels(outcome).inc, TOOL_SECONDS.observe


@cache
def _tokens(direction: str) -> Any:
    return MODEL_TOKENS.labels(direction).inc


def run_started(*, queued: bool) -> None:
    """A run was accepted here and is durable."""
    _started(current_tenant().tenant_class, "queued" if queued else "now")()


def run_finished(run: RunState) -> None:
    """A run's end is durable. Logs its one line, if RUN_LOG asks for it: figures, no content."""
    seconds = 0.0
    if run.started_at is not None and run.finished_at is not None:
        seconds = max((run.finished_at - run.started_at).total_seconds(), 0.0)
        # What it waited for people says nothing about how quick it is.
        seconds = max(seconds - sum(waited(pause) for pause in run.pauses), 0.0)
    count, observe = _finished(current_tenant().tenant_class, run.status)
    count()
    observe(seconds)
    if settings.RUN_LOG:
        log.info(
            "run %s %s",
            run.id,
            run.status,
            extra={
                "component": f"{run.kind}/{run.slug}",
                "revision": run.revision,
                "status": run.status,
                "code": (run.error or {}).get("code"),
                "ms": round(seconds * 1000),
                "input_tokens": run.input_tokens,
                "output_tokens": run.output_tokens,
                "resumes": run.resumes,
            },
        )


def step_ended(
    kind: str, clock: float, error: dict[str, Any] | None, input_tokens: int, output_tokens: int
) -> None:
    """A model or tool step's end is recorded; `clock` is time.perf_counter() at its start."""
    if kind not in ("model", "tool"):
        return
    count, observe = _called(kind, _outcome(error))
    count()
    observe(time.perf_counter() - clock)
    if input_tokens:
        _tokens("input")(input_tokens)
    if output_tokens:
        _tokens("output")(output_tokens)


def _outcome(error: dict[str, Any] | None) -> str:
    code = str((error or {}).get("code") or "failed")[:40] if error else "ok"
    if code not in _outcomes:
        if len(_outcomes) >= _MOST_OUTCOMES:
            return "other"
        _outcomes.add(code)
    return code
