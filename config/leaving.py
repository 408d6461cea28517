"""SIGTERM ends a command as an error would: what it holds is let go on the way out.

Not in the middle of an import, nor where Python turns what is raised into something else or prints
it and goes on: a signal that comes there comes again a moment later. Nor while an event loop is
being made, which may lose what is raised: who will handle the signal in the loop has it kept.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

AGAIN_SECONDS = 0.02
# Python 3.11 makes a RuntimeError of what is raised in the first; nothing gets out of the second.
_DEAF = {"__set_name__", "__del__"}


def leave_on_sigterm() -> None:
    """SIGTERM raises SystemExit(143) in the main thread, which calls this, from here on."""
    signal.signal(signal.SIGTERM, _leave)


def later() -> None:
    """Have the SIGTERM that came now again in a moment, for whoever handles it then."""
    signal.signal(signal.SIGALRM, _again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)


def keep_sigterm() -> Callable[[], bool]:
    """From here on SIGTERM is only noted, for a handler of the caller's that isn't there yet.

    One that was to come again has come: the loop would see it twice, in the pipe and in its set.

    Returns what tells, once that handler is there, whether the signal came before it.
    """
    came: list[float] = []
    signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    if (to_come := signal.setitimer(signal.ITIMER_REAL, 0)[0]) > 0:
        came.append(to_come)
    return lambda: bool(came)


def _leave(number: int, frame: FrameType | None) -> None:
    if _busy(frame):
        later()
    else:
        raise SystemExit(128 + number)


def _again(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)


def _busy(frame: FrameType | None) -> bool:
    while frame is not None:
        code = frame.f_code
        if code.co_name in _DEAF or code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
