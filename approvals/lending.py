"""Lending an approver's duty to another member for a period, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from approvals.models import Delegation
from config.errors import Conflict, Forbidden, Invalid
from tenants.accounts.models import Member
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope

State = Literal["now", "later", "over"]


def state_of(row: Delegation) -> State:
    now = timezone.now()
    return "over" if row.ends_at <= now else "later" if row.begins_at > now else "now"


def in_state(rows: QuerySet[Delegation], state: str) -> QuerySet[Delegation]:
    now = timezone.now()
    if state == "now":
        return rows.filter(begins_at__lte=now, ends_at__gt=now)
    return rows.filter(ends_at__lte=now) if state == "over" else rows.filter(begins_at__gt=now)


def may_lend_for(actor: Principal, approver_id: int) -> bool:
    """Approvers lend their own duty; whoever writes grants lends anybody's."""
    own = actor.member_id == approver_id and actor.may(Scope.APPROVALS_DECIDE)
    return own or actor.may(Scope.GRANTS_WRITE)


def problems(
    approver: Member,
    substitute: Member,
    begins_at: datetime,
    ends_at: datetime,
    *,
    besides: int | None = None,
) -> dict[str, str]:
    """What is wrong with lending this duty so, by field. `besides`: the row that is changed."""
    wrong = {}
    if not approver.is_active or not approver.may(Scope.APPROVALS_DECIDE):
        wrong["approver"] = f"{approver} has no such duty: none of their roles decides."
    if substitute.pk == approver.pk:
        wrong["substitute"] = "Choose somebody else: it is their duty already."
    elif not substitute.is_active or substitute.kind != Member.Kind.PERSON:
        wrong["substitute"] = "Only a person who isn't suspended can stand in."
    if ends_at <= begins_at:
        wrong["ends_at"] = "It has to end after it begins."
    elif ends_at <= timezone.now():
        wrong["ends_at"] = "That is over already."
    if not wrong:
        overlapping = Delegation.objects.filter(
            approver=approver, substitute=substitute, begins_at__lt=ends_at, ends_at__gt=begins_at
        ).exclude(pk=besides)
        if other := overlapping.order_by("begins_at").first():
            until = timezone.localtime(other.ends_at).strftime("%Y-%m-%d %H:%M")
            wrong["substitute"] = f"{substitute} stands in already until {until}: change that one."
    return wrong


def lend(
    actor: Principal,
    approver: Member,
    substitute: Member,
    begins_at: datetime,
    ends_at: datetime,
    note: str = "",
) -> Delegation:
    """Lend `approver`'s duty. In effect for decisions at once, if it has begun.

    Raises Forbidden, and Invalid with a sentence for each field.
    """
    _check(actor, approver.pk)
    with transaction.atomic():
        Member.objects.select_for_update().get(pk=approver.pk)  # two at once overlap otherwise
        if wrong := problems(approver, substitute, begins_at, ends_at):
            raise Invalid(
                "The duty can't be lent so.",
                errors=[{"loc": [name], "msg": text} for name, text in wrong.items()],
            )
        return Delegation.objects.create(
            approver=approver,
            substitute=substitute,
            begins_at=begins_at,
            ends_at=ends_at,
            note=note,
        )


def end_lending(actor: Principal, delegation_id: int) -> Delegation | None:
    """Take a duty back now; the row stays as a record. One that hasn't begun is gone: None.

    Raises Forbidden, and Conflict for one that is over.
    """
    with transaction.atomic():
        row = Delegation.objects.select_for_update().get(pk=delegation_id)
        _check(actor, row.approver_id)
        now = timezone.now()
        if row.ends_at <= now:
            raise Conflict("This is over already.", code="lending_over")
        if row.begins_at >= now:
            row.delete()
            return None
        row.ends_at = now
        row.save(update_fields=["ends_at"])
        return row


def _check(actor: Principal, approver_id: int) -> None:
    if not may_lend_for(actor, approver_id):
        raise Forbidden(
            f"Lending a duty needs it oneself ({Scope.APPROVALS_DECIDE}), and somebody else's "
            f"{Scope.GRANTS_WRITE}.",
            code="not_your_duty",
        )
