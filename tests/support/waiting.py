"""Waiting on a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], good: Callable[[T], object] = bool, seconds: float = 20.0) -> T:
    """Look again until what is seen is good; fail with the last look after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {seconds} s: {seen!r}")
        time.sleep(0.05)
