"""Starting runs from pages, whose views run on threads and not on the executor's loop."""

from __future__ import annotations

from agents.runtime.bridge import NoLoop, call_on_loop
from agents.services.rerun_workflow import Rerun, rerun
from agents.services.start_run import Started, StartRun, start_run
from config.errors import Unavailable
from tenants.accounts.principal import Principal

_NOT_HERE = "Runs can't be started from here right now: try again in a moment."


def start_from_thread(principal: Principal, request: StartRun) -> Started:
    """`start_run` for synchronous callers, with the same problems raised; Unavailable where no
    executor serves in this process, or it doesn't answer in time.
    """
    try:
        return call_on_loop(start_run, principal, request)
    except (NoLoop, TimeoutError):
        raise Unavailable(_NOT_HERE) from None


def rerun_from_thread(principal: Principal, request: Rerun) -> Started:
    """`rerun` for synchronous callers, as `start_from_thread`."""
    try:
        return call_on_loop(rerun, principal, request)
    except (NoLoop, TimeoutError):
        raise Unavailable(_NOT_HERE) from None
