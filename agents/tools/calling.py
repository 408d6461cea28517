"""Calling a tool: arguments checked, time and output limited, whatever goes wrong said safely.

Nothing here retries or records: that is the journal's. Every failure leaves as a `ToolProblem`,
whose message is fit for the model; cancellation and the like pass through untouched.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Any, NoReturn, cast

from pydantic import BaseModel

from agents.tools.arguments import parse_arguments
from agents.tools.errors import ArgumentError, ToolError, ToolFailure, ToolProblem, ToolTimeout
from agents.tools.output import ToolResult, shape, shorten, storable
from agents.tools.spec import ToolContext, ToolSpec
from agents.tools.statement_limit import StatementLimitPassed, statement_limit
from tenants.outage import database_away

__all__ = [
    "ArgumentError",
    "ToolError",
    "ToolFailure",
    "ToolProblem",
    "ToolResult",
    "ToolTimeout",
    "invoke",
    "invoke_sync",
    "parse_arguments",
]

LONGEST_MESSAGE = 2_000  # characters of a tool's own error message
logger = logging.getLogger(__name__)


async def invoke(spec: ToolSpec, context: ToolContext, args: BaseModel) -> ToolResult:
    """Call an asynchronous tool. Raises `ToolError`, `ToolFailure` or `ToolTimeout`.

    The time-out is the tool's own or what is left of the run, whichever is less. A cancelled caller
    cancels the tool; a cancellation that nobody asked for is the tool's failure, not the run's.
    """
    if spec.transactional:
        raise TypeError(f"{spec.name} is transactional: the journal calls it with invoke_sync")
    seconds = _seconds(spec, context)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            value = await cast(Any, spec.handler)(context, args)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        _failed(spec, context, error)
    except ToolProblem as problem:
        raise _presentable(problem) from problem.__cause__
    except Exception as error:
        if limit.expired() and isinstance(error, TimeoutError):
            _too_slow(spec, context, seconds)
        _failed(spec, context, error)
    return _shaped(spec, context, value)


def invoke_sync(spec: ToolSpec, context: ToolContext, args: BaseModel) -> ToolResult:
    """Call a transactional tool, inside the transaction that will hold the finished step.

    Any exception must roll back at least to before this call. A thread can't be interrupted, so the
    limit is put on each statement instead: a lock that is not had in time ends in `ToolTimeout`.
    The database going away is no failure of the tool, and passed on.
    """
    if not spec.transactional:
        raise TypeError(f"{spec.name} is not transactional: call it with invoke")
    seconds = _seconds(spec, context)
    try:
        with statement_limit(seconds):
            value = cast(Any, spec.handler)(context, args)
    except StatementLimitPassed:
        _too_slow(spec, context, seconds)
    except ToolProblem as problem:
        raise _presentable(problem) from problem.__cause__
    except Exception as error:
        if database_away(error):  # the transaction is gone, and with it the call: no failure
            raise
        _failed(spec, context, error)
    return _shaped(spec, context, value)


def _seconds(spec: ToolSpec, context: ToolContext) -> float:
    if context.deadline is None:
        return spec.timeout
    left = context.deadline - time.monotonic()
    if left <= 0:
        _too_slow(spec, context, left)
    return min(spec.timeout, left)


def _shaped(spec: ToolSpec, context: ToolContext, value: Any) -> ToolResult:
    try:
        return shape(value, spec.max_output)
    except (TypeError, ValueError, RecursionError) as error:
        _failed(spec, context, error)


def _presentable(problem: ToolProblem) -> ToolProblem:
    """The tool's own error, its message short and storable enough for an event."""
    problem.message, _ = shorten(storable(problem.message), LONGEST_MESSAGE)
    return problem


def _failed(spec: ToolSpec, context: ToolContext, error: BaseException) -> NoReturn:
    error_id = secrets.token_hex(4)
    logger.error(
        "tool %s failed, error id %s, tenant %s, run %s, step %s",
        spec.name,
        error_id,
        context.tenant_schema,
        context.run_id,
        context.step_key,
        exc_info=error,
    )
    # `from None`: whoever prints this exception later must not print the tool's own after it.
    raise ToolFailure(f"the tool failed (error id {error_id})", error_id=error_id) from None


def _too_slow(spec: ToolSpec, context: ToolContext, seconds: float) -> NoReturn:
    error_id = secrets.token_hex(4)
    if seconds < spec.timeout:
        what = "the run's time was up before the tool had finished"
    else:
        what = f"the tool took longer than its limit of {spec.timeout:g} s"
    logger.warning(
        "tool %s: %s, error id %s, tenant %s, run %s, step %s",
        spec.name,
        what,
        error_id,
        context.tenant_schema,
        context.run_id,
        context.step_key,
    )
    raise ToolTimeout(f"{what} (error id {error_id})", error_id=error_id) from None
