"""What was decided, written into the run: by whoever decides, and by the clock.

Plain ORM units. The order of locks is approval, run, ticket; a pausing owner takes the run's first.
The run that is locked, paused and put back is the root: a child run waits and goes on with it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from agents.models import Run, Step
from agents.runtime import ticket_sql
from agents.runtime.events import iso
from approvals.models import Approval
from tenants import notices

_ASKED_AGAIN = "#"


def step_key(approval: Approval) -> str:
    """The step's own key: a later question of the same step has a suffix."""
    return approval.step_key.partition(_ASKED_AGAIN)[0]


def settle(approval: Approval, root: Run, decision: dict[str, Any]) -> bool:
    """Write a decision into the waiting step; True when its tree is back in the queue by it.

    Inside the caller's transaction, with approval and root locked. `decision`: choice, by,
    arguments, response, reason. A decision on a paused run has its place in the journal at once;
    for a run that somebody still holds, its owner gives it one.
    """
    step = Step.objects.get(run=approval.run_id, key=step_key(approval))
    position = None
    if root.status == Run.Status.PAUSED:
        position = root.position + 1
        root.position = position
        root.save(update_fields=["position"])
    entry = step.asked[-1]
    assert entry["approval"] == str(approval.pk), "only the last question of a step is open"
    entry["decision"] = {**decision, "at": iso(timezone.now()), "position": position}
    step.save(update_fields=["asked"])
    notices.notify("approval", id=str(approval.pk))
    if root.status != Run.Status.PAUSED or _still_waits(approval):
        return False
    Run.objects.filter(pk=root.pk).update(status=Run.Status.QUEUED)
    with connection.cursor() as cursor:
        cursor.execute(ticket_sql.UNPARK, {"run_id": root.pk})
    return True


def _still_waits(approval: Approval) -> bool:
    """Whether the run that asked could not go on yet; others of its tree may wait on.

    An agent goes on when all of a turn's calls are decided, a workflow from each of its nodes.
    """
    if approval.component_kind == "workflow":
        return False
    waiting = Step.objects.filter(run=approval.run_id, status=Step.Status.WAITING)
    return any(step.asked[-1]["decision"] is None for step in waiting)


def expire(run_id: UUID, key: str) -> list[dict[str, Any]]:
    """The clock's decision on a step's open question: refused, or asked of another role.

    Called by the run's owner. Returns what the step asked, as it is now: somebody may have decided
    at the last moment.
    """
    with transaction.atomic():
        asked = Step.objects.values_list("asked", flat=True).get(run=run_id, key=key)
        approval = Approval.objects.select_for_update().get(pk=asked[-1]["approval"])
        root = Run.objects.select_for_update().get(pk=approval.root_run_id)
        if approval.is_waiting and approval.expires_at <= timezone.now():
            if approval.on_expiry == "escalate" and approval.escalated_at is None:
                _escalate(approval, key)
            else:
                approval.status = Approval.Status.EXPIRED
                approval.decided_at = timezone.now()
                approval.save(update_fields=["status", "decided_at"])
                nothing = {"by": None, "arguments": None, "response": None, "reason": ""}
                settle(approval, root, {"choice": "expire", **nothing})
        found: list[dict[str, Any]] = Step.objects.values_list("asked", flat=True).get(
            run=run_id, key=key
        )
        return found


def _escalate(approval: Approval, key: str) -> None:
    """The same question to another role, for as long again."""
    period = max(approval.expires_at - approval.created_at, timedelta(minutes=1))
    approval.escalated_at = timezone.now()
    approval.expires_at = approval.escalated_at + period
    approval.decider_roles = [approval.escalate_to]
    approval.save(update_fields=["escalated_at", "expires_at", "decider_roles"])
    step = Step.objects.get(run=approval.run_id, key=key)
    step.asked[-1]["expires_at"] = iso(approval.expires_at)
    step.save(update_fields=["asked"])
    notices.notify("approval", id=str(approval.pk))
