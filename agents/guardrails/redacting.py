"""What becomes of what was found: a text with marks in its place, at once or piece by piece."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from agents.guardrails.scanning import Detector, Found, Scanner
from agents.guardrails.verdicts import Action, Span
from tenants.context import current

# Lookbehinds see one character; the rest of what was given out isn't needed any more.
_CONTEXT = 1
# A held text is looked at again when it has grown by an eighth: else a long key, or what claims to
# be one, would be read from its beginning for every token.
_LONG = 256
# Nor for every token of an ordinary text.
_TOGETHER = 12
_NEVER = "\uffff"


@dataclass(frozen=True, slots=True)
class Rule:
    """A detector on behalf of a guardrail. `how`: mask, hash, block, remove, or note (found only).

    `mark` stands in the place of what is masked or hashed.
    """

    detector: Detector
    guardrail: str
    how: str = "mask"
    mark: str = ""


_STRICTNESS = {"note": 0, "hash": 1, "mask": 2, "remove": 3, "block": 4}


def strictest(rules: Sequence[Rule]) -> Rule:
    """Of rules whose finds overlap, the one that says what becomes of them."""
    return max(rules, key=lambda rule: _STRICTNESS[rule.how])


class Rules:
    """Rules with their scanner. Immutable, shared by all runs of a plan."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.scanner = Scanner([rule.detector for rule in self.rules])

    def redact(self, text: str) -> Redacted:
        """The whole text at once. What a rule blocks is masked too: it is kept nowhere."""
        text = text.replace(_NEVER, "\ufffd") if _NEVER in text else text
        found = self.scanner.find(text)
        return Redacted(self.replaced(text, 0, len(text), found), found)

    def replaced(self, text: str, begin: int, end: int, found: Sequence[Found]) -> str:
        """`text[begin:end]` with marks for what was `found` there; finds that overlap are one."""
        changing = [one for one in found if self.rules[one.detector].how != "note"]
        if not changing:
            return text[begin:end]
        pieces: list[str] = []
        at = begin
        index = 0
        while index < len(changing):
            first = changing[index]
            group, until = [first], first.end
            index += 1
            while index < len(changing) and changing[index].start < until:
                group.append(changing[index])
                until = max(until, changing[index].end)
                index += 1
            pieces.append(text[at : first.start])
            rule = strictest([self.rules[one.detector] for one in group])
            pieces.append(_mark(rule, text[first.start : until]))
            at = until
        pieces.append(text[at:end])
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Redacted:
    text: str
    found: list[Found]


class StreamRedactor:
    """Redacts a text that comes in pieces.

    What it has given out so far is always the beginning of what `Rules.redact` gives for the whole
    text, whatever follows and however it was cut into pieces.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._text = ""  # what is not given out yet, after the character of context before it
        self._begin = 0  # where in `_text` that begins
        self._at = 0  # place of `_text[0]` in the whole text
        self._look = 0  # the length of `_text` at which it is worth looking again
        self.found: list[Found] = []
        self.seconds = 0.0

    @property
    def blocked(self) -> bool:
        """Whether something was found that no text may hold."""
        rules = self._rules.rules
        return any(rules[one.detector].how == "block" for one in self.found)

    @property
    def given_out(self) -> int:
        """How much of the text as it came stands behind what was given out."""
        return self._at + self._begin

    def feed(self, piece: str) -> str:
        """Take the next piece; what may be shown by now, often "" or more than the piece."""
        began = time.perf_counter()
        if _NEVER in piece:
            piece = piece.replace(_NEVER, "\ufffd")
        text = self._text = self._text + piece
        if len(text) < self._look:
            return ""
        cut, found = self._rules.scanner.settled(text, self._begin)
        shown = self._give(cut, found)
        held = len(self._text) - self._begin
        self._look = len(self._text) + (held // 8 if held > _LONG else _TOGETHER)
        self.seconds += time.perf_counter() - began
        return shown

    def finish(self) -> str:
        """The rest, now that nothing follows."""
        began = time.perf_counter()
        shown = self._give(len(self._text), self._rules.scanner.find(self._text, self._begin))
        self.seconds += time.perf_counter() - began
        return shown

    def _give(self, cut: int, found: Sequence[Found]) -> str:
        shown = self._rules.replaced(self._text, self._begin, cut, found)
        for one in found:
            self.found.append(Found(self._at + one.start, self._at + one.end, one.detector))
        keep = max(cut - _CONTEXT, 0)
        self._text, self._begin = self._text[keep:], cut - keep
        self._at += keep
        return shown


def action_of(rules: Rules, found: Sequence[Found], guardrail: str) -> tuple[Action, list[Span]]:
    """What a guardrail's finds come to."""
    spans, how = [], 0
    for one in found:
        rule = rules.rules[one.detector]
        if rule.guardrail == guardrail:
            spans.append(Span(one.start, one.end, rule.detector.what))
            how = max(how, _STRICTNESS[rule.how])
    if how == _STRICTNESS["block"]:
        return Action.BLOCK, spans
    return (Action.REDACT if how else Action.ALLOW), spans


def _mark(rule: Rule, text: str) -> str:
    what = rule.mark or rule.detector.what
    if rule.how != "hash":
        return f"[{what}]"
    return f"[{what} {_fingerprint(text)}]"


def _fingerprint(text: str) -> str:
    """The same for the same value in one tenant, and of no use without the installation's key.

    A plain hash would not do: all phone numbers there are can be tried in a minute.
    """
    spaceless = "".join(text.split()).replace("-", "").casefold()
    key = hashlib.sha256(b"concord guardrail fingerprint\0" + settings.SECRET_KEY.encode()).digest()
    value = f"{current().schema}\0{spaceless}".encode()
    return hmac.new(key, value, hashlib.sha256).hexdigest()[:12]


def changed_in_data(value: Any, change: Any) -> Any:
    """A copy of a JSON value with `change` applied to each text in it, and to each long number."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(key)): changed_in_data(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [changed_in_data(inner, change) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 99_999_999:
        shown = change(str(value))  # a card's number needs no quotes to be one
        return value if shown == str(value) else shown
    return value
