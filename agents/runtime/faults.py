"""How a run can end before its answer, and what its owner does about it."""

from __future__ import annotations

import asyncio
from typing import Any


class RunFault(Exception):
    """The run ends as failed. `message` is shown to the member."""

    partial: Any = None
    """What there is of an output all the same."""

    def __init__(self, code: str, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, **self.detail}


class NeedsReview(RunFault):
    """A person must look: whether a side effect happened cannot be known."""


class Fenced(Exception):
    """Another owner has the run: leave it, write nothing more."""


class Cancelled(Exception):
    """The run was cancelled by someone who may."""


class Parked(Exception):
    """The run waits for people: its pause is written, and nobody holds it."""


class HandedOver(asyncio.CancelledError):
    """This process drains: the run stops between two steps, and another owner goes on.

    A cancellation, because siblings at work (tool calls of the same turn) are to finish first.
    """
