"""What waits for one member: to answer, to sign off, or to be signed off by somebody else."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from approvals.deciders import duties_of, waiting_for
from approvals.models import Approval, Decision, Tier
from approvals.models.approval import ASKS
from tenants.accounts.principal import Principal

# An inbox is for people: beyond so many it says that there are more.
MOST = 200


def to_decide(who: Principal, rows: QuerySet[Approval] | None = None) -> list[Approval]:
    """What the member may decide now, the soonest to expire first, MOST of them at most."""
    found = Approval.objects.all() if rows is None else rows
    said = Decision.objects.filter(approval=OuterRef("pk"))
    mine = said.filter(Q(member=who.member_id) | Q(on_behalf_of=who.member_id))
    found = (
        found.filter(status=Approval.Status.WAITING, expires_at__gt=Now())
        .filter(waiting_for(who))
        .exclude(signed_off(), requester=who.member_id, own_requests=False)
        .exclude(Exists(mine))
        .select_related("requester")
        .order_by("expires_at", "id")[:MOST]
    )
    rows_found = list(found)
    duties = duties_of(who, rows_found)
    return [approval for approval in rows_found if duties.on(approval)]


def asked_of_others(who: Principal, rows: QuerySet[Approval] | None = None) -> list[Approval]:
    """What the member's own runs asked and others have to sign off, the newest first."""
    asked = Approval.objects.all() if rows is None else rows
    asked = asked.filter(signed_off(), requester=who.member_id, status=Approval.Status.WAITING)
    found = list(asked.select_related("requester").order_by("-id")[:MOST])
    duties = duties_of(who, found)
    return [approval for approval in found if not duties.on(approval)]


def signed_off() -> Q:
    """Approvals that are for others to decide than the member that the run acts for."""
    return (Q(kind=Approval.Kind.CONFIRM) | Q(effect=ASKS)) & Q(tier=Tier.ADMIN)
