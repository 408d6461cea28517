"""What can go wrong with a tool call. Every message here may be shown to the model and to people.

None of them holds a traceback, an address or a value of the machine: what a programmer needs is in
the log, under the error id that the message names.
"""

from __future__ import annotations


class ToolProblem(Exception):
    """A tool call gave no result. `code` is stable and goes into events and step rows.

    `retryable` says that another attempt may help; whether there is one is the journal's decision.
    """

    code = "tool_error"
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ToolError(ToolProblem):
    """Raised by a tool on purpose: `message` tells the model what is wrong and how to mend it."""


class ArgumentError(ToolProblem):
    """The model's arguments don't fit the tool's schema; the message names each wrong field."""

    code = "bad_arguments"


class ToolFailure(ToolProblem):
    """The tool broke. The message is the same for every cause; the log has it under `error_id`."""

    code = "tool_failed"
    retryable = True

    def __init__(self, message: str, *, error_id: str) -> None:
        super().__init__(message)
        self.error_id = error_id


class ToolTimeout(ToolFailure):
    """The tool passed its own time-out, or the run's deadline came first."""

    code = "tool_timeout"
