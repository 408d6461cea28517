"""An approval as a card: in the conversation that it holds up, and in the inbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils import timezone

from agents.answering import EFFECTS, Answer, Shown, as_text, shown_arguments
from agents.web.transcript import tool_label
from approvals.deciders import Duties, asks_requester, deciding_roles, duties_of
from approvals.models import Approval, Decision
from approvals.models.approval import asker
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope

_BADGES = {
    "confirm": "Needs your approval",
    "input": "Needs your answer",
    "external": "Needs your client",
}
_ENDS = {
    "approved": "Approved",
    "rejected": "Rejected",
    "answered": "Answered",
    "expired": "Expired",
    "cancelled": "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Card:
    """`may_act`: its forms are there. `state`: yours, others or ended, as the style sheet says."""

    approval: Approval
    title: str
    badge: str
    state: str
    may_act: bool
    answer: Answer
    effect: str
    arguments: list[Shown]
    decided_arguments: list[Shown] | None
    response: str
    waits_for: str
    agreed: int
    left: str
    by: str
    own: bool
    run_url: str
    said: list[Decision] = field(default_factory=list)


def whole(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    """With all that a card shows."""
    said = Decision.objects.select_related("member", "on_behalf_of")
    return rows.select_related("requester", "decided_by", "run__root").prefetch_related(
        Prefetch("decisions", said)
    )


def card(who: Principal, approval: Approval, answer: Answer | None = None) -> Card:
    return _card(who, approval, duties_of(who, [approval]), answer)


def cards(who: Principal, approvals: list[Approval]) -> list[Card]:
    """As `card`, with what the member may decide with read once."""
    duties = duties_of(who, approvals)
    return [_card(who, approval, duties, None) for approval in approvals]


def _card(who: Principal, approval: Approval, duties: Duties, answer: Answer | None) -> Card:
    standing = duties.on(approval)
    may_act = approval.is_waiting and bool(standing) and who.may(Scope.APPROVALS_ANSWER)
    said = list(approval.decisions.all())
    if may_act:
        state, badge = "yours", _BADGES[approval.kind]
    elif approval.is_waiting:
        state, badge = "others", "Waits for somebody else"
    else:
        state, badge = "ended", _ENDS[approval.status]
    changed = approval.decided_arguments
    return Card(
        approval=approval,
        title=tool_label(asker(approval.tool)),
        badge=badge,
        state=state,
        may_act=may_act,
        answer=answer or Answer(approval),
        effect=EFFECTS.get(approval.effect, approval.effect),
        arguments=shown_arguments(approval.arguments, approval.tool),
        decided_arguments=shown_arguments(changed, approval.tool) if changed is not None else None,
        response=as_text(approval.response),
        waits_for="" if may_act else _waits_for(approval, standing.code),
        agreed=sum(one.decision == Decision.Choice.APPROVE for one in said),
        left=_left(approval),
        by=_by(who, approval),
        own=approval.requester_id == who.member_id,
        run_url=_run_url(who, approval),
        said=said,
    )


def _waits_for(approval: Approval, code: str) -> str:
    """Who is asked, in a sentence, for those who aren't."""
    if not approval.is_waiting:
        return ""
    if asks_requester(approval):
        return f"It waits for {approval.requester}."
    if code == "already_decided":
        return "You have decided; it waits for others to agree."
    roles = deciding_roles(approval)
    whom = f"somebody with the role {' or '.join(roles)}" if roles else "somebody who may sign off"
    return f"It waits for {whom}. It goes on by itself when they decide."


def _run_url(who: Principal, approval: Approval) -> str:
    """The page of the workflow's run that asks, for those who may see it; of others there is none
    but the conversation.
    """
    root = approval.run.root or approval.run
    if root.kind != "workflow" or not who.may(Scope.RUNS_READ):
        return ""
    if approval.requester_id != who.member_id and not who.may(Scope.RUNS_READ_ALL):
        return ""
    return reverse("web:workflow-run", args=[root.slug, root.pk])


def _left(approval: Approval) -> str:
    if not approval.is_waiting:
        return ""
    left = approval.expires_at - timezone.now()
    if left <= timedelta(0):
        return "Its time is up."
    if left >= timedelta(days=2):
        said = f"{left.days} days"
    elif left >= timedelta(hours=1):
        said = f"{int(left.total_seconds() // 3600)} h {left.seconds % 3600 // 60} min"
    else:
        said = f"{max(int(left.total_seconds() // 60), 1)} min"
    return f"{said} left"


def _by(who: Principal, approval: Approval) -> str:
    if approval.is_waiting or approval.decided_by_id is None:
        return ""
    return "you" if approval.decided_by_id == who.member_id else str(approval.decided_by)
