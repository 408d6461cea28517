"""The trace id of what is being served: from the caller's W3C `traceparent`, or a new one."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_trace_id: ContextVar[str] = ContextVar("trace_id", default="")


def new_trace_id() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def trace_id() -> str:
    """The current trace id, or "" outside a request or run."""
    return _trace_id.get()


def start_trace(traceparent: str | None) -> str:
    match = _TRACEPARENT.match(traceparent or "")
    value = match.group(1) if match and match.group(1) != "0" * 32 else new_trace_id()
    _trace_id.set(value)
    return value
