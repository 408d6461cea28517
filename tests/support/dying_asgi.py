"""The product's application in a server that kills itself, as `kill -9` would, at a write of a run.

The file that KILL_AT names says at which: `3` is before the third write of a journal from now on.
It is emptied by the kill; what was written meanwhile is counted in KILL_COUNT's file, a byte each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.asgi import application  # isort: skip - it readies Django for what follows

from agents.runtime.questions import Questions
from agents.runtime.records import Records
from tests.support import parcels

__all__ = ["application"]

AT, COUNT = Path(os.environ["KILL_AT"]), Path(os.environ["KILL_COUNT"])


def _count() -> None:
    with COUNT.open("ab") as file:
        file.write(b".")
    wanted = AT.read_text().strip()
    if wanted and COUNT.stat().st_size == int(wanted):
        AT.write_text("")
        os.killpg(os.getpid(), signal.SIGKILL)


def _counted(write: Callable[..., Any]) -> Callable[..., Any]:
    async def counted(*given: Any, **named: Any) -> Any:
        _count()
        return await write(*given, **named)

    return counted


for owner, name in ((Records, "_send"), (Records, "_end_in_transaction"), (Questions, "_park")):
    setattr(owner, name, _counted(getattr(owner, name)))
if "DEPOT_URL" in os.environ:
    parcels.register()
