"""What a log line may say: no secret, and of an error no more than its kind when it quotes data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from pydantic import ValidationError

BLANK = "[redacted]"
_NAMES = r"(?:authorization|api[-_]?key|password|passwd|secret|token(?!s)|cookie|session_?key)"
_PATTERNS = (
    # Authorization: Bearer x; the scheme may stand alone.
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {BLANK}"),
    # A JSON web token, and keys that say what they are.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?"), BLANK),
    (re.compile(r"\b(?:sk|pk|rk|ck|xox[abp]|gh[pousr])[-_][A-Za-z0-9_-]{16,}"), BLANK),
    # name=value, name: value and "name": "value".
    (
        re.compile(rf"(?i)({_NAMES}[\w-]*\\?[\"']?\s*[=:]\s*\\?[\"']?)[^\s\"'\\,;&}}]{{4,}}"),
        rf"\1{BLANK}",
    ),
    # Credentials in an address.
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), rf"\1{BLANK}@"),
)
_OWN = ("SECRET_KEY", "JWT_SIGNING_KEY", "MODEL_API_KEY", "METRICS_TOKEN")
_OWN_LISTS = ("SECRETS_KEYS", "SECRET_KEY_FALLBACKS", "JWT_ACCEPTED_KEYS")


def redacted(line: str) -> str:
    """The line without what looks like a secret, and without this installation's own."""
    for pattern, instead in _PATTERNS:
        line = pattern.sub(instead, line)
    for value in _own():
        if value and len(value) >= 8 and value in line:
            line = line.replace(value, BLANK)
    return line


def _own() -> Iterator[str]:
    for name in _OWN:
        yield getattr(settings, name, "")
    for name in _OWN_LISTS:
        yield from getattr(settings, name, ())


def said(error: BaseException) -> str:
    """What may be told of an error. Postgres and pydantic quote the data they refuse: cut off."""
    if isinstance(error, ValidationError):
        return _fields(error.errors(include_url=False, include_input=False, include_context=False))
    if isinstance(error, psycopg.Error):
        return _first_line(error)
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):  # Django's own repeats the driver's text
        return _first_line(cause)
    return str(error)


def _fields(errors: list[Any]) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in errors)


def _first_line(error: psycopg.Error) -> str:
    """Without LINE, DETAIL and CONTEXT, and what class 22 and a wrong syntax quote."""
    state = error.sqlstate or ""
    text = str(error).split("\n", 1)[0]
    if state.startswith("22") or state == "42601":
        text = re.sub(r'".*', BLANK, text)
    return f"{text} ({state})" if state else text
