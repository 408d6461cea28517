"""Mends a call after a tool's error, when the error itself says how."""

from __future__ import annotations

import difflib
import re
from typing import Any

from agents.models_llm.demo_plan import Call
from agents.models_llm.demo_schema import fits, properties

_SUGGESTED = re.compile(
    r"(?:did you mean|do you mean|perhaps|suggestions?|closest(?: matches)?|similar|nearest|try)"
    r"(?: one of| is| are)?[:\s]*[\"'“‘`]?([A-Za-z0-9][\w/+-]*)",  # noqa: RUF001 - opening quote
    re.IGNORECASE,
)
_ONE_OF = re.compile(r"\b(?:one of|allowed(?: values)?(?: are)?|choose from)[:\s]+([^.;()]+)", re.I)
_EXTRA = re.compile(
    r"\b(\w+) is not an argument\b|\bunexpected (?:argument|field) ['\"]?(\w+)", re.I
)
_AT_MOST = re.compile(
    r"\b(\w+)\b[^.;]*?(?:less than or equal to|at most|no more than|maximum(?: is)?)\s+(-?\d+)",
    re.I,
)
_AT_LEAST = re.compile(
    r"\b(\w+)\b[^.;]*?(?:greater than or equal to|at least|no less than|minimum(?: is)?)\s+(-?\d+)",
    re.I,
)


def mend(call: Call, error: str) -> Call | None:
    """The call to try instead, or None when the error doesn't say what would be right."""
    known = properties(call.tool.parameters)
    arguments = dict(call.arguments)
    for match in _EXTRA.finditer(error):
        arguments.pop(match.group(1) or match.group(2), None)
    for pattern in (_AT_MOST, _AT_LEAST):
        for match in pattern.finditer(error):
            name, bound = match.group(1), int(match.group(2))
            if isinstance(arguments.get(name), int):
                arguments[name] = bound
    wrong = _wrong_text(arguments, error)
    if wrong is not None:
        better = _suggestion(str(arguments[wrong]), error)
        if better is not None and fits(better, known.get(wrong, {})):
            arguments[wrong] = better
    return Call(call.tool, arguments) if arguments != call.arguments else None


def _wrong_text(arguments: dict[str, Any], error: str) -> str | None:
    """The text argument an error is about: it is quoted or named there, or is the only one."""
    texts = [name for name, value in arguments.items() if isinstance(value, str)]
    for name in texts:
        if str(arguments[name]).lower() in error.lower() or re.search(rf"\b{name}\b", error):
            return name
    return texts[0] if len(texts) == 1 else None


def _suggestion(value: str, error: str) -> str | None:
    suggested = _SUGGESTED.search(error)
    if suggested:
        # Between several suggestions the user has to choose, not a guess.
        several = re.match(r"[\"'”’`]?(?:,| or )", error[suggested.end() :])  # noqa: RUF001
        return None if several else suggested.group(1)
    options = _ONE_OF.search(error)
    if options:
        offered = [o.strip(" \"'“”‘’`") for o in re.split(r",|\bor\b", options.group(1))]  # noqa: RUF001
        by_lower = {option.lower(): option for option in offered if option}
        close = difflib.get_close_matches(value.lower(), list(by_lower), n=1, cutoff=0.5)
        return by_lower[close[0]] if close else None
    return None
