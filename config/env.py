"""Settings from the environment, read with a type and refused with a reason.

A variable that is set but empty counts as unset: that is how a shell or a compose file says "no
value". Every error names the variable, what it holds and what was expected.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class EnvError(ValueError):
    """An environment variable holds something its reader cannot use."""


def env_str(name: str, default: str) -> str:
    """The variable without surrounding blanks, or `default` when it is unset or empty."""
    return _raw(name) or default


def env_int(name: str, default: int, *, least: int | None = None) -> int:
    """A whole number, at least `least` where one is given. Raises `EnvError`."""
    raw = _raw(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise _refused(name, raw, "a whole number") from None
    if least is not None and value < least:
        raise _refused(name, raw, f"a whole number of at least {least}")
    return value


def env_float(name: str, default: float) -> float:
    """A finite number. Raises `EnvError`."""
    raw = _raw(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        raise _refused(name, raw, "a number") from None
    if not math.isfinite(value):
        raise _refused(name, raw, "a finite number")
    return value


def env_bool(name: str, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case. Raises `EnvError` on anything else."""
    raw = _raw(name).lower()
    if not raw:
        return default
    if raw in _TRUE:
        return True
    if raw in _FALSE:
        return False
    raise _refused(name, raw, "1, true, yes, on or 0, false, no, off")


def env_list(name: str, default: Sequence[str]) -> list[str]:
    """Comma-separated values, blanks trimmed and empty ones dropped."""
    raw = _raw(name)
    if not raw:
        return list(default)
    return [item for item in (part.strip() for part in raw.split(",")) if item]


def env_path(name: str, default: Path) -> Path:
    """An absolute path; a relative one counts from the current folder, `~` is the home folder."""
    raw = _raw(name)
    if not raw:
        return default.absolute()
    if "\0" in raw:
        raise _refused(name, raw, "a path")
    try:
        return Path(raw).expanduser().absolute()
    except RuntimeError:
        raise _refused(name, raw, "a path below a home folder that exists") from None


def _raw(name: str) -> str:
    return os.environ.get(name, "").strip()


def _refused(name: str, raw: str, expected: str) -> EnvError:
    return EnvError(f"{name}={raw!r}: expected {expected}")
