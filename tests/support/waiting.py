"""Waiting on a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], good: Callable[[T], object] = bool, seconds: float = 60.0) -> T:
    """Look again until what is seen is good; fail with the last look after `seconds`.

    They are many by default: a machine may be busy, and only a failure has to wait for them.
    """
    begun = time.monotonic()
    while True:
        seen = look()
        if good(seen):
            return seen
        waited = time.monotonic() - begun
        if waited > seconds:
            raise AssertionError(f"still not so after {seconds} s: {seen!r}")
        # Often at first, then less: looking takes time from what is waited for.
        time.sleep(min(max(waited / 10, 0.01), 0.25))
