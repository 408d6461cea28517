"""Log records: as JSON lines or for the eye, each with its trace, tenant, run and member.

No content of messages is logged by anything here. As a second line, what looks like a secret is
blanked out of every line, and an error's own text is cut down to what tells nothing of the data.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson

from config import trace
from config.env import EnvError
from config.redaction import redacted, said
from tenants.context import current_or_none

FORMATS = ("plain", "json")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def about() -> dict[str, Any]:
    """The fields that say what is being served; those that there are."""
    ref = current_or_none()
    fields = {
        "trace_id": trace.trace_id(),
        "tenant": ref.schema if ref is not None and ref.kind != "shared" else "",
        "run_id": trace.run_id(),
        "member_id": trace.member_id(),
    }
    return {name: value for name, value in fields.items() if value}


def message_of(record: logging.LogRecord) -> str:
    """The record's text; an exception among its arguments says only what it may."""
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(said(a) if isinstance(a, BaseException) else a for a in arguments)
    if isinstance(record.msg, BaseException):
        return said(record.msg)
    text = str(record.msg)
    return text % arguments if arguments else text


def stack_of(record: logging.LogRecord) -> str:
    """The traceback of a record's exception and of those before it; "" without one."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    return "".join(_stack(traceback.TracebackException.from_exception(error, compact=True), error))


def _stack(told: traceback.TracebackException, error: BaseException) -> list[str]:
    lines: list[str] = []
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inner = told.__cause__ or told.__context__
    if before is not None and inner is not None:
        lines += [*_stack(inner, before), "which led to:\n"]
    lines += ["Traceback (most recent call last):\n", *told.stack.format()]
    lines.append(f"{type(error).__qualname__}: {said(error)}\n")
    if isinstance(error, BaseExceptionGroup) and told.exceptions:
        for number, (one, part) in enumerate(
            zip(error.exceptions, told.exceptions, strict=False), 1
        ):
            lines += [f"of which {number}:\n", *_stack(part, one)]
    return lines


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message, what it is about, extras, stack."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            **about(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD and value is not None:
                line[name] = value
        stack = stack_of(record)
        if stack:
            line["stack"] = stack
        return redacted(orjson.dumps(line, default=str).decode())


class PlainFormatter(logging.Formatter):
    """A line for the eye, with what it is about at its end."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).isoformat(" ", "milliseconds")
        text = f"{at} {record.levelname} {record.name}: {message_of(record)}"
        fields = " ".join(f"{name}={value}" for name, value in about().items())
        text = f"{text} [{fields}]" if fields else text
        stack = stack_of(record)
        return redacted(f"{text}\n{stack.rstrip()}" if stack else text)


def logging_config(form: str, level: str) -> dict[str, Any]:
    """The value of LOGGING. Raises EnvError on an unknown form."""
    if form not in FORMATS:
        raise EnvError(f"LOG_FORMAT={form!r}: expected one of {', '.join(FORMATS)}")
    formatter = {"json": "config.logs.JsonFormatter", "plain": "config.logs.PlainFormatter"}[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "concord": {"level": "INFO"},
            "agents": {"level": "INFO"},
            "tenants": {"level": "INFO"},
            "django_q": {"level": "WARNING", "handlers": ["console"], "propagate": False},
            "daphne": {"level": "WARNING"},
            # A 403 or 404 is the caller's affair; with their tracebacks the log would hide the
            # rest.
            "django.request": {"level": "ERROR"},
        },
    }
