"""Instructions with variables: compiled once with the agent, filled in for each run.

`{{ member.name }}` is replaced by a value of the run; `\\{{` stays as `{{`. There is no logic and
nothing is evaluated. Unknown names are refused when the agent is published.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_FOUND = re.compile(r"\\\{\{|\{\{\s*([^{}]*?)\s*\}\}")
SETTINGS = "settings."
_SETTING = re.compile(r"settings\.[a-z][a-z0-9_]{0,62}")

# What a prompt may name besides `settings.<key>`, and what each is.
VARIABLES: dict[str, str] = {
    "member.name": "the member's display name",
    "member.username": "the member's username",
    "member.time_zone": "the member's time zone, such as Europe/Berlin",
    "date": "the day the run started, in the member's time zone, such as 2026-11-21",
    "now": "the minute the run started, in the member's time zone, with its offset from UTC",
    "tenant.name": "the tenant's name",
    "tenant.slug": "the tenant's slug",
}


class PromptError(ValueError):
    """A prompt names a variable that doesn't exist; the message says which, where and what does."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`parts` alternate: a text, a variable's name, a text, and so on; the first is a text."""

    parts: tuple[str, ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(self.parts[1::2])

    def render(self, values: Mapping[str, str]) -> str:
        """The text with each variable's value; one without a value is empty."""
        if len(self.parts) == 1:
            return self.parts[0]
        return "".join(
            values.get(part, "") if at % 2 else part for at, part in enumerate(self.parts)
        )


def compile_prompt(text: str) -> Prompt:
    """Raises PromptError for a name that is no variable."""
    parts: list[str] = [""]
    end = 0
    for match in _FOUND.finditer(text):
        parts[-1] += text[end : match.start()]
        end = match.end()
        name = match[1]
        if name is None:  # escaped
            parts[-1] += "{{"
            continue
        if name not in VARIABLES and not _SETTING.fullmatch(name):
            line = text.count("\n", 0, match.start()) + 1
            raise PromptError(
                f"Line {line}: there is no variable {name!r}. Known: {', '.join(VARIABLES)}, "
                "settings.<key>. Write \\{{ for two braces."
            )
        parts += [name, ""]
    parts[-1] += text[end:]
    return Prompt(tuple(parts))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run's variables are made of. `started_at`: the same when a run is recovered."""

    member_name: str
    username: str
    time_zone: str
    tenant_name: str
    tenant_slug: str
    started_at: datetime


def values_of(names: frozenset[str], facts: Facts, settings: Mapping[str, str]) -> dict[str, str]:
    """The values of these variables and no others; an unset setting is empty."""
    if not names:
        return {}
    try:
        zone = zoneinfo.ZoneInfo(facts.time_zone)
        local = facts.started_at.astimezone(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        local = facts.started_at.astimezone(UTC)
    known = {
        "member.name": facts.member_name,
        "member.username": facts.username,
        "member.time_zone": facts.time_zone,
        "date": local.date().isoformat(),
        "now": local.isoformat(sep=" ", timespec="minutes"),
        "tenant.name": facts.tenant_name,
        "tenant.slug": facts.tenant_slug,
    }
    return {
        name: settings.get(name.removeprefix(SETTINGS), "")
        if name.startswith(SETTINGS)
        else known[name]
        for name in sorted(names)
    }
