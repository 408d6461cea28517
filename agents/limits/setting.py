"""Setting what members may use: by who may, and never more than the tenant may."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from agents.limits.kinds import KINDS, Amount
from agents.limits.known import Limit, Row, read_limits
from agents.limits.models import DefaultLimits, MemberLimits
from agents.limits.reached import shown
from config.errors import Forbidden, Invalid, NotFound
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def too_much(amounts: Row, of_tenant: tuple[Limit, ...]) -> dict[str, str]:
    """A sentence for each field of `amounts` that is above the tenant's own limit."""
    most = {limit.kind.field: limit.most for limit in of_tenant}
    return {
        kind.field: f"The tenant itself has {shown(most[kind.field])} of this at most: give no "
        "more, or 0 for no limit beside the tenant's."
        for kind in KINDS
        if kind.field in most and (amounts.get(kind.field) or 0) > most[kind.field]
    }


def set_default_limits(actor: Member, amounts: Mapping[str, Amount | None]) -> DefaultLimits:
    """What holds for each member without limits of their own.

    `amounts` by field, as in `kinds.FIELDS`: None is the installation's setting, 0 no limit. In
    effect with the next start, in every process. Raises Forbidden and Invalid.
    """
    _check(actor, amounts)
    with transaction.atomic():
        return DefaultLimits.objects.update_or_create(pk=1, defaults=dict(amounts))[0]


def set_member_limits(
    actor: Member, member_id: int, amounts: Mapping[str, Amount | None]
) -> Member:
    """One member's own limits; None for what holds for every member, 0 for no limit.

    Where all are None the member has no limits of their own. Otherwise as `set_default_limits`;
    raises NotFound as well.
    """
    _check(actor, amounts)
    with transaction.atomic():
        member = Member.objects.select_for_update().filter(pk=member_id).first()
        if member is None:
            raise NotFound("There is no such member.", code="unknown_member")
        if any(amount is not None for amount in amounts.values()):
            MemberLimits.objects.update_or_create(member=member, defaults=dict(amounts))
        else:
            MemberLimits.objects.filter(member=member).delete()
    return member


def _check(actor: Member, amounts: Mapping[str, Amount | None]) -> None:
    if not actor.may(Scope.LIMITS_WRITE):
        raise Forbidden(f"Setting the limits of members needs the scope {Scope.LIMITS_WRITE}.")
    wrong = too_much(amounts, read_limits().of_tenant())
    if wrong:
        raise Invalid(
            "A member can't have more than the tenant.",
            errors=[{"loc": [name], "msg": message} for name, message in wrong.items()],
        )
