"""Conditions of grants: expressions in CEL over one call, checked when saved, bounded when asked.

    args.amount > 100
    !tenant.domains.exists(d, args.to.endsWith("@" + d))
    tainted || !("operator" in member.roles)

CEL has no loops but over lists, no side effects and no access to anything but what it is given. The
library counts iterations and depth besides and gives up; its regular expressions take linear time.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from approvals.tiers import ADMIN, AUDITED, RANK, USER

LONGEST = 1000
"""Characters of one expression."""
MOST = 20
"""Conditions of one grant."""
LONGEST_WHY = 200

_MISSING = re.compile(r'Key not found in map : "([^"]+)"')
_CODE_BEFORE = re.compile(r"^[A-Z_]+: ")
_CODE_AFTER = re.compile(r" \[[A-Z_]+\]$")


class ConditionFailed(Exception):
    """An expression that says neither yes nor no about a call. Its text says why."""


@dataclass(frozen=True)
class Facts:
    """What an expression may ask about: one call, for whom it is made, and where."""

    args: Mapping[str, Any]
    username: str = ""
    email_domain: str = ""
    roles: tuple[str, ...] = ()
    tenant: str = ""
    domains: tuple[str, ...] = ()
    tainted: bool = False
    component: str = ""

    @functools.cached_property
    def named(self) -> dict[str, Any]:
        """By the names that expressions know. An argument that is null isn't there at all."""
        return {
            "args": {name: value for name, value in self.args.items() if value is not None},
            "member": {
                "username": self.username,
                "email_domain": self.email_domain,
                "roles": list(self.roles),
            },
            "tenant": {"slug": self.tenant, "domains": list(self.domains)},
            "tainted": self.tainted,
            "component": self.component,
        }


@functools.cache
def library() -> Any:
    """The CEL runtime. Some megabytes, so only a process that meets a condition loads it."""
    from cel_expr_python import cel

    return cel


@functools.cache
def _environment() -> Any:
    cel = library()
    anything = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(
        variables={
            "args": anything,
            "member": anything,
            "tenant": anything,
            "tainted": cel.Type.BOOL,
            "component": cel.Type.STRING,
        }
    )


def compiled(expression: str) -> Any:
    """The program of an expression; RuntimeError, with places in its text, for a wrong one."""
    return _environment().compile(expression)


@dataclass(frozen=True, slots=True)
class Condition:
    """Where `when` holds, the tier is at least `tier`. `why` is in the operator's words."""

    when: str
    tier: str
    why: str = ""
    _program: list[Any] = field(default_factory=list, repr=False, compare=False)

    def holds(self, facts: Facts) -> bool:
        """Whether it holds of a call. Raises ConditionFailed.

        Some ten microseconds for a small call; never more iterations than the library's budget.
        """
        try:
            if not self._program:
                self._program.append(compiled(self.when))
            result = self._program[0].eval(data=facts.named)
            value = result.value()
        except Exception as error:  # whatever is wrong with it, nobody may slip through
            raise ConditionFailed(reason(str(error))) from None
        if not isinstance(value, bool):
            raise ConditionFailed(
                reason(str(value))
                if result.type().name() == "ERROR"
                else "it gives neither true nor false"
            )
        return value

    @property
    def words(self) -> str:
        return self.why or " ".join(self.when.split())


def reason(text: str) -> str:
    """The library's words about a failed call in ours, or without its codes."""
    if missing := _MISSING.search(text):
        return f"there is no {missing[1]}"
    if "<input>" in text:
        return "the expression is wrong"
    line = " ".join(text.split()) or "it failed"
    return _CODE_AFTER.sub("", _CODE_BEFORE.sub("", line))


def read(stored: Any) -> tuple[Condition, ...]:
    """The conditions of a grant's row. What can't be read stands as one that always fails.

    Rows are checked when they are saved; one that was written past that must not open anything.
    """
    if not isinstance(stored, list):
        return (Condition("", ADMIN, "the grant's conditions can't be read"),)
    found = []
    for entry in stored:
        try:
            when, tier, why = str(entry["when"]), entry["tier"], str(entry.get("why") or "")
            readable = tier in RANK
        except (TypeError, KeyError, AttributeError):
            readable = False
        if readable:
            found.append(Condition(when, tier, why))
        else:
            found.append(Condition("", ADMIN, "a condition of the grant can't be read"))
    return tuple(found)


def cleaned(stored: Any, parameters: Mapping[str, Any] | None = None) -> list[dict[str, str]]:
    """The conditions as they are to be stored. ValidationError names each place that is wrong.

    `parameters` is the JSON schema of the tool's arguments; without it nothing is known of them.
    """
    from approvals.condition_check import issues

    if not isinstance(stored, list):
        raise ValidationError("Expected a list of {when, tier, why}.")
    if len(stored) > MOST:
        raise ValidationError(f"A grant has at most {MOST} conditions.")
    kept: list[dict[str, str]] = []
    wrong: list[str] = []
    for number, entry in enumerate(stored, 1):
        if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
            wrong.append(f"Condition {number}: expected texts: when, tier and why.")
            continue
        if unknown := set(entry) - {"when", "tier", "why"}:
            wrong.append(f"Condition {number}: it has no {', '.join(sorted(unknown))}.")
        when, why = entry.get("when", "").strip(), entry.get("why", "").strip()
        if entry.get("tier") not in (AUDITED, USER, ADMIN):
            wrong.append(f"Condition {number}: choose the tier that it raises to.")
        if len(why) > LONGEST_WHY:
            wrong.append(f"Condition {number}: the reason has at most {LONGEST_WHY} characters.")
        wrong += [f"Condition {number}, {issue}" for issue in issues(when, parameters)]
        kept.append({"when": when, "tier": str(entry.get("tier")), "why": why})
    if wrong:
        raise ValidationError(wrong)
    return kept
