"""What a guardrail says: where it looked, what is to be done and why; never the text itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

# Of a text full of addresses the journal needn't know every place.
MOST_SPANS = 50


class Stage(StrEnum):
    """When a guardrail looks."""

    INPUT = "input"
    TOOL_ARGUMENTS = "tool_arguments"
    TOOL_RESULT = "tool_result"
    OUTPUT = "output"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


class Action(StrEnum):
    ALLOW = "allow"
    REDACT = "redact"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of the text that was looked at, and what is there."""

    start: int
    end: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guardrail's word on one text.

    `code` is "" when nothing was found, else what kind of thing was (`pii`, `secret`, …), or
    `guardrail_failed` when the check itself failed. `seconds` is its time; guardrails that look for
    patterns look together and share theirs.
    """

    guardrail: str
    kind: str
    stage: Stage
    action: Action = Action.ALLOW
    code: str = ""
    reason: str = ""
    spans: tuple[Span, ...] = ()
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None

    @property
    def tripped(self) -> bool:
        return bool(self.code)

    @property
    def blocks(self) -> bool:
        return self.action is Action.BLOCK

    def as_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        shown: dict[str, Any] = {"stage": self.stage.value, "action": self.action.value}
        if self.code:
            shown |= {"code": self.code, "reason": self.reason}
        if self.spans:
            shown["spans"] = [[s.start, s.end, s.what] for s in self.spans[:MOST_SPANS]]
            shown["found"] = len(self.spans)
        return shown

    def error(self) -> dict[str, Any]:
        """What a run that ends by it is told."""
        return {
            "code": "guardrail_blocked",
            "message": (
                f"The guardrail “{self.guardrail}” blocked the {self.stage.words}: {self.reason}."
            ),
            "guardrail": self.guardrail,
            "stage": self.stage.value,
            "reason": self.code,
        }
