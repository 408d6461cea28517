"""What may be changed about a member, and by whom: suspending, roles, and the last owner.

Every way of changing a member (the console today) asks here, inside its own transaction.
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.db import transaction

from config.errors import Conflict, Forbidden
from tenants.accounts.history import record
from tenants.accounts.models import Member
from tenants.accounts.refresh import revoke_all
from tenants.accounts.scopes import Scope, scopes_of
from tenants.context import current_tenant


def top_role() -> str:
    """The role that at least one active member must have, in a tenant and on the platform."""
    return "platform-admin" if current_tenant().kind == "platform" else "owner"


def check_change(actor: Member, member: Member, *, is_active: bool, roles: Collection[str]) -> None:
    """Whether `actor` may leave `member` (saved before, or not) active and with these roles.

    Must run in the transaction that writes the change: it locks the top role, so that two owners
    can't remove each other at once. Raises Forbidden or Conflict with a sentence for the actor.
    """
    _check_right(actor)
    top = top_role()
    Group.objects.select_for_update().filter(name=top).first()
    before = set(member.groups.values_list("name", flat=True)) if member.pk else set()
    _check_grants(actor, set(roles) - before)
    if member.pk == actor.pk:
        _check_self(actor, is_active=is_active, roles=roles, top=top)
    stays_top = is_active and top in roles
    if member.pk and top in before and not stays_top and not _another(member, top):
        raise Conflict(
            f"{member} is the last active {top}: give somebody else that role first.",
            code="last_owner",
        )


def check_invite(actor: Member, roles: Collection[str]) -> None:
    """Whether `actor` may invite somebody with these roles. Raises Forbidden."""
    _check_right(actor)
    _check_grants(actor, set(roles))


def _check_right(actor: Member) -> None:
    if not actor.may(Scope.MEMBERS_WRITE):
        raise Forbidden("Changing members needs the scope members:write.")


def _check_grants(actor: Member, gained: set[str]) -> None:
    platform = current_tenant().kind == "platform"
    more = scopes_of(tuple(gained), platform=platform) - actor.scopes
    if more:
        raise Forbidden(f"You can't give rights that you don't have: {', '.join(sorted(more))}.")


def _check_self(actor: Member, *, is_active: bool, roles: Collection[str], top: str) -> None:
    if not is_active:
        raise Conflict("You can't suspend yourself.", code="own_account")
    if top in actor.roles and top not in roles:
        raise Conflict(
            f"You can't take the role {top} from yourself: ask another {top}.", code="own_account"
        )


def _another(member: Member, role: str) -> bool:
    others = Member.objects.filter(is_active=True, groups__name=role).exclude(pk=member.pk)
    return others.exists()


def set_active(actor: Member, member_id: int, active: bool) -> Member:
    """Suspend a member, or let them in again; their work stays. Raises like `check_change`."""
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        check_change(actor, member, is_active=active, roles=member.roles)
        member.is_active = active
        member.save(update_fields=["is_active"])
    return member


def sign_out(actor: Member, member_id: int) -> Member:
    """Sign a member out everywhere, as one may do to others: see `revoke_all`. Raises Forbidden."""
    _check_right(actor)
    with transaction.atomic():
        member = Member.objects.select_for_update().get(pk=member_id)
        revoke_all(member)
        record(member, actor.pk, "Signed out everywhere.")
    return member


def check_delete(actor: Member, member: Member, *, has_work: bool) -> None:
    """Whether a member may be deleted: not oneself, not the last owner, nobody with runs."""
    _check_right(actor)
    if has_work:
        raise Conflict(
            f"{member} has run agents, and that record must stay. Suspend them instead.",
            code="member_has_runs",
        )
    check_change(actor, member, is_active=False, roles=())
