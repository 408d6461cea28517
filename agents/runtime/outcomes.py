"""What work gives back: the outcome of a step, the ending of a run, and faults made of errors."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from agents.runtime.faults import RunFault
from agents.tools.output import storable


def as_jsonb(value: Any) -> str | None:
    """JSON text that Postgres takes: what jsonb refuses (NUL, lone surrogates) is replaced."""
    if value is None:
        return None
    try:
        text = orjson.dumps(value)
    except TypeError:
        text = b""
    # Nothing is null that wasn't None: NaN is written so too, which is to be kept as what it says.
    if not text or b"null" in text or b"\\u0000" in text:
        text = orjson.dumps(storable(value))
    return text.decode()


def as_text(value: Any) -> str:
    """An input or output as text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else as_jsonb(value) or ""


@dataclass(slots=True)
class Outcome:
    """What a step's work gives back. `error` set means the step is recorded as failed.

    A failed step with an output is an answer too (a tool that refused): it replays like any other.
    """

    output: Any
    error: dict[str, Any] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: a terminal status with the output or the error that goes with it."""

    status: str
    output: Any = None
    error: dict[str, Any] | None = None


def as_fault(error: Exception, attempt: int) -> RunFault:
    """What the member is told of an error: its own words only where it is made to be shown."""
    code = getattr(error, "code", None)
    message = getattr(error, "message", None)
    if isinstance(code, str) and isinstance(message, str):
        return RunFault(code, message, attempts=attempt)
    return RunFault("internal", "Something went wrong inside the run.", attempts=attempt)
