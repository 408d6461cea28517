"""What a planned team's verifier holds against the results: expressions in CEL, each with a reason.

    size(failed) == 0
    has(members.triage) && members.triage.severity <= 3
    results.all(id, results[id] != "")

An expression says what must be true. It sees `input`, the request; `results`, what each step of the
plan came to, by its id; `members`, what each member said last, by its slug; and `failed`, the ids
of steps that came to nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.conditions import ConditionFailed, library, reason
from approvals.expressions import Issue, checked

LONGEST = 1000
"""Characters of one expression."""
KNOWN = ("input", "results", "members", "failed")


@dataclass(frozen=True, slots=True)
class Results:
    """What rules are asked about."""

    input: str
    results: Mapping[str, Any]
    members: Mapping[str, Any]
    failed: Sequence[str]

    def named(self) -> dict[str, Any]:
        return {
            "input": self.input,
            "results": dict(self.results),
            "members": dict(self.members),
            "failed": list(self.failed),
        }


@functools.cache
def _environment() -> Any:
    types = library().Type
    anything = types.Map(types.STRING, types.DYN)
    return library().NewEnv(
        variables={
            "input": types.STRING,
            "results": anything,
            "members": anything,
            "failed": types.List(types.STRING),
        }
    )


@functools.lru_cache(maxsize=512)
def _program(expression: str) -> Any:
    return _environment().compile(expression)


def issues(expression: str) -> list[Issue]:
    """Everything wrong with a rule, at its places; none for a good one."""
    if not expression.strip():
        return [Issue(1, 1, "Write what must hold, such as size(failed) == 0.")]
    if len(expression) > LONGEST:
        return [Issue(1, LONGEST + 1, f"A rule has at most {LONGEST:,} characters.")]
    gives, found = checked(_environment().compile, expression, KNOWN)
    if not found and gives not in ("", "BOOL", "DYN"):
        found = [Issue(1, 1, f"It gives {gives.lower()}, and a rule gives true or false.")]
    return found


def holds(expression: str, about: Results) -> bool:
    """Whether the results keep the rule. Raises ConditionFailed where it gives no answer."""
    try:
        result = _program(expression).eval(data=about.named())
        value = result.value()
    except Exception as error:  # whatever is wrong with it, nothing may slip through
        raise ConditionFailed(reason(str(error))) from None
    if not isinstance(value, bool):
        failed = result.type().name() == "ERROR"
        raise ConditionFailed(reason(str(value)) if failed else "it gives neither true nor false")
    return value
