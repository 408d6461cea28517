"""Deciding from pages, whose views run on threads and not on the executor's loop."""

from __future__ import annotations

from uuid import UUID

from agents.runtime.bridge import NoLoop, call_on_loop
from agents.services.decide import Decide, decide, decide_now
from approvals.models import Approval
from tenants.accounts.principal import Principal


def decide_from_thread(principal: Principal, approval_id: UUID, request: Decide) -> Approval:
    """`decide` for synchronous callers, with the same problems raised.

    With an executor in this process it takes up the run at once; without one, whichever finds it
    in the queue.
    """
    try:
        return call_on_loop(decide, principal, approval_id, request)
    except NoLoop:
        approval, _ = decide_now(principal, approval_id, request)
        return approval
