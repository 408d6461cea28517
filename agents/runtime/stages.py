"""Where a run was when its time or its means were at an end, in words: what its error names."""

from __future__ import annotations

from uuid import UUID

from agents.runtime.delegation_steps import KIND as DELEGATION
from agents.runtime.state import StepState
from agents.runtime.writing import Writing

_MOST = 3
_WORK = ("model", "tool", "node", DELEGATION)


def at_work(journal: Writing) -> str:
    """What a run's open steps are, down to the deepest: `Scribe → the tool create_note`.

    Where none is open, the step that ended last.
    """
    return _several(_open(journal)) or _last(journal) or "its beginning"


def way_down(journal: Writing, top: Writing) -> str:
    """The members from below `top` down to this run: `Office → Scribe`; "" where they are one."""
    names: list[str] = []
    at: Writing | None = journal
    while at is not None and at is not top and at.above is not None:
        step = _delegation_of(at.above, at)
        names.insert(0, said(step) if step is not None else at.run.slug)
        at = at.above
    return " → ".join(names)


def said(step: StepState) -> str:
    """A step as people call it."""
    if step.kind == "model":
        return "the model"
    if step.kind == "tool":
        return f"the tool {step.name}"
    if step.kind == DELEGATION:
        kind, _, rest = step.key.partition(":")
        stage = rest.partition(":")[0]
        return f"{kind} {stage} ({step.name})" if kind in ("step", "task") else step.name
    return step.name


def _open(journal: Writing) -> list[str]:
    found = []
    for step in sorted(journal.all_steps(), key=lambda one: one.seq):
        if step.finished_position is not None or step.status == "waiting" or "!" in step.key:
            continue  # with "!": what a node does, and the node is said
        below = _child(journal, step)
        deeper = _several(_open(below)) if below is not None else ""
        found.append(f"{said(step)} → {deeper}" if deeper else said(step))
    return found


def _last(journal: Writing) -> str:
    done = [
        step
        for step in journal.all_steps()
        if step.finished_position is not None and step.kind in _WORK and "!" not in step.key
    ]
    if not done:
        return ""
    return said(max(done, key=lambda step: step.finished_position or 0))


def _several(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} and {len(names) - _MOST} more"


def _child(journal: Writing, step: StepState) -> Writing | None:
    run_id = step.input.get("run_id") if step.kind == DELEGATION else None
    return journal.tree.get(UUID(run_id)) if run_id else None


def _delegation_of(above: Writing, child: Writing) -> StepState | None:
    wanted = str(child.run.id)
    return next(
        (
            step
            for step in above.all_steps()
            if step.kind == DELEGATION and step.input.get("run_id") == wanted
        ),
        None,
    )
