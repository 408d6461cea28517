"""What publishing would change: the draft's spec against the published one, field by field."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.specs import AgentSpec, TeamSpec

_FIELDS: tuple[tuple[str, str], ...] = (
    ("Name", "name"),
    ("Slug", "slug"),
    ("Description", "description"),
    ("Instructions", "instructions"),
    ("Model", "model.name"),
    ("Temperature", "model.temperature"),
    ("Longest answer (tokens)", "model.max_output_tokens"),
    ("Mode", "mode"),
    ("Members", "members"),
    ("Members at work at once", "at_once"),
    ("Rules", "plan.rules"),
    ("Verifier", "plan.verifier"),
    ("Sent back at most", "plan.rounds"),
    ("Contracts broken at most", "plan.rejections"),
    ("Steps at most", "plan.most_steps"),
    ("Who reviews", "plan.review_roles"),
    ("Tasks at most", "tasks.most"),
    ("Tools", "tools"),
    ("History window (runs)", "history_runs"),
    ("Turns", "limits.turns"),
    ("Tokens", "limits.tokens"),
    ("Seconds", "limits.seconds"),
    ("Cost", "limits.cost"),
    ("Seconds of a stage", "stage.seconds"),
    ("Tokens of a stage", "stage.tokens"),
    ("Cost of a stage", "stage.cost"),
    ("Roles that may run it", "run_roles"),
    ("Guardrails", "guardrails"),
)
_EMPTY = {"run_roles": "every role that may run agents", "tools": "none", "guardrails": "none"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text's difference; `sign` is "+", "-" or " "."""

    sign: str
    text: str

    @property
    def kind(self) -> str:
        return {"+": "added", "-": "removed"}.get(self.sign, "same")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs. `lines` is set for texts of several lines, instead of both values."""

    label: str
    before: str
    after: str
    lines: tuple[Line, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the API; `lines` only where the field is a longer text."""
        shown: dict[str, Any] = {"field": self.label, "before": self.before, "after": self.after}
        if self.lines:
            shown["lines"] = [f"{line.sign} {line.text}" for line in self.lines]
        return shown


def differences(
    before: AgentSpec | TeamSpec | None, after: AgentSpec | TeamSpec
) -> list[Difference]:
    """The fields that differ, in the form's order; without a `before`, all that are set."""
    old = before.model_dump(mode="json") if before else {}
    new = after.model_dump(mode="json")
    found = []
    for label, path in _FIELDS:
        was, now = _at(old, path), _at(new, path)
        if before is not None and was == now:
            continue
        if before is None and now in (None, "", []):
            continue
        found.append(_difference(label, path, was, now, first=before is None))
    return found


def value_differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """The keys of two sets of values that differ, in order of their names; either may be missing.

    Without a `before` all of `after` that say something; without an `after` all of `before`.
    """
    old, new = before or {}, after or {}
    found = []
    for label in sorted({*old, *new}):
        was, now = _as_text(old.get(label)), _as_text(new.get(label))
        if was == now:
            continue
        if "\n" in was or "\n" in now or max(len(was), len(now)) > 160:
            found.append(Difference(label, was, now, tuple(_lines(was, now))))
        else:
            found.append(Difference(label, was, now or "not set"))
    return found


def _as_text(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _difference(label: str, path: str, was: Any, now: Any, *, first: bool) -> Difference:
    old, new = ("" if first else _shown(path, was)), _shown(path, now)
    if "\n" in old or "\n" in new or max(len(old), len(new)) > 160:
        return Difference(label, old, new, tuple(_lines(old, new)))
    return Difference(label, old, new)


def _lines(old: str, new: str) -> list[Line]:
    lines = []
    for entry in difflib.ndiff(old.splitlines(), new.splitlines()):
        if entry[0] != "?":
            lines.append(Line(entry[0], entry[2:]))
    return lines


def _at(spec: dict[str, Any], path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _shown(path: str, value: Any) -> str:
    if value in (None, "", []):
        return _EMPTY.get(path, "not set")
    if path == "members":
        return "\n".join(map(_member, value))
    if path in ("guardrails", "plan.rules"):
        return "\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _member(one: dict[str, Any]) -> str:
    """A member's place in a team: who it is, then what holds of it there."""
    lines = [f"{one['name']} ({one['kind']} {one['slug']}): {one['description']}"]
    for label, field in (("takes", "input_schema"), ("answers", "output_schema")):
        if one.get(field):
            schema = json.dumps(one[field], ensure_ascii=False, sort_keys=True)
            lines.append(f"  {label} {schema}")
    for label, field in (("seconds", "seconds"), ("tokens", "tokens")):
        if one.get(field):
            lines.append(f"  at most {one[field]:,} {label}")
    if one.get("cost"):
        lines.append(f"  at most {one['cost']} of cost")
    if one.get("fallback"):
        lines.append(f"  {one['fallback']} is asked instead")
    return "\n".join(lines)
