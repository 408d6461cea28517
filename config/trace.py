"""What is being served: the W3C trace it belongs to, and the run and member it is for.

Context variables, so that a log record, a problem, a job and a call to a model endpoint each know
it without being told. Nothing here is content: ids alone.
"""

from __future__ import annotations

import contextvars
import random
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b

_TRACEPARENT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
_SAMPLED = "01"
# The standard asks for at least 512 characters to be passed on; more is dropped whole.
_TRACESTATE_MOST = 512


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace id (32 hex digits), and what the caller said with it.

    `parent` is the caller's span (16 hex digits, "" when we began the trace), `flags` its two hex
    digits, `state` its tracestate, passed on untouched. `span` is our own, for what is done in
    the request itself and in no step.
    """

    id: str
    parent: str = ""
    flags: str = _SAMPLED
    state: str = ""
    span: str = field(default_factory=lambda: f"{random.getrandbits(64) or 1:016x}")

    def traceparent(self, span: str) -> str:
        return f"00-{self.id}-{span}-{self.flags}"


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)
_run: ContextVar[str] = ContextVar("run", default="")
_member: ContextVar[int | None] = ContextVar("member", default=None)
_span: ContextVar[tuple[object, ...]] = ContextVar("span", default=())


def new_trace_id() -> str:
    """32 hexadecimal digits: unique, no secret."""
    return f"{random.getrandbits(128) or 1:032x}"


def trace_id() -> str:
    """The current trace id, or "" outside a request or run."""
    trace = _trace.get()
    return trace.id if trace is not None else ""


def run_id() -> str:
    """The run whose task this is, or ""."""
    return _run.get()


def member_id() -> int | None:
    """The member on whose behalf something is done, within the current tenant; None if nobody."""
    return _member.get()


def note_member(member: int) -> None:
    """From here on, in this request or job, this member is the one who acts."""
    _member.set(member)


def start_trace(traceparent: str | None, tracestate: str | None = None) -> str:
    """Go on with the caller's trace, or begin one where there is none that can be read."""
    trace = _parse(traceparent or "", tracestate or "") or Trace(new_trace_id())
    _trace.set(trace)
    _run.set("")
    _member.set(None)
    _span.set(())
    return trace.id


def _parse(traceparent: str, tracestate: str) -> Trace | None:
    match = _TRACEPARENT.match(traceparent.strip())
    if match is None:
        return None
    version, trace, parent, flags, more = match.groups()
    if version == "ff" or (version == "00" and more):
        return None
    if trace == "0" * 32 or parent == "0" * 16:
        return None
    state = tracestate.strip()
    if len(state) > _TRACESTATE_MOST or not (state.isascii() and state.isprintable()):
        state = ""
    return Trace(trace, parent, flags, state)


def run_context(run: object, trace: str, member: int) -> contextvars.Context:
    """An empty context for the task of a run, which knows its trace, run and member.

    A run started by the current request keeps what the caller said with its trace; one taken up
    from the queue or from another process keeps the trace id.
    """
    said = _trace.get()
    if said is None or said.id != trace:
        said = Trace(trace)
    context = contextvars.Context()
    context.run(_enter, said, str(run), member)
    return context


def _enter(trace: Trace, run: str, member: int) -> None:
    _trace.set(trace)
    _run.set(run)
    _member.set(member)


def span_of(*names: object) -> str:
    """The span id of a thing with these names (a run's id and a step's key): always the same."""
    span = blake2b("\x1f".join(map(str, names)).encode(), digest_size=8).hexdigest()
    return span if span != "0" * 16 else "1".zfill(16)


def enter_span(*names: object) -> None:
    """From here on, in this task, work is done within the span of these names."""
    _span.set(names)


def outgoing() -> dict[str, str]:
    """Headers that carry the current trace and span to another service; {} outside of any."""
    trace = _trace.get()
    if trace is None:
        return {}
    names = _span.get()
    headers = {"traceparent": trace.traceparent(span_of(*names) if names else trace.span)}
    if trace.state:
        headers["tracestate"] = trace.state
    return headers
