"""Inviting somebody by mail, and becoming a member by the link.

The link carries the invitation's id and a signature over tenant, id and nonce: it is good in one
tenant, until it is accepted, revoked, sent anew or too old. Whoever invites gives no more rights
than they have, when they invite and still when the invitation is accepted.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from config.errors import Conflict, Forbidden, Invalid, NotFound
from tenants.accounts.invitation_models import ACCEPTED, PENDING, REVOKED
from tenants.accounts.mail import public_link, send
from tenants.accounts.members import check_invite
from tenants.accounts.models import Invitation, Member
from tenants.context import current_tenant
from tenants.tasks import enqueue

DAYS_MAX = 90
_OVER = "This invitation is no longer good. Ask whoever invited you for a new one."


def invite(
    actor: Member, email: str, roles: Collection[str], *, days: int | None = None
) -> Invitation:
    """Invite a mail address with these roles; a mail goes out where mail is sent.

    Good for `days` (INVITATION_DAYS unless told, 1 to DAYS_MAX). Raises Forbidden, Invalid or
    Conflict with a sentence for the actor.
    """
    email = email.strip()
    days = _checked_days(days)
    with transaction.atomic():
        _check_roles(actor, roles)
        if Member.objects.filter(email__iexact=email).exists():
            raise Conflict(f"A member has the mail address {email} already.", code="member_exists")
        pending = Invitation.objects.in_state(PENDING)
        if pending.filter(email__iexact=email).exists():
            raise Conflict(
                f"{email} is invited already: send that invitation again, or revoke it.",
                code="invitation_open",
            )
        if pending.count() >= settings.INVITATIONS_MAX:
            raise Conflict(
                f"{settings.INVITATIONS_MAX} invitations are open: revoke some first.",
                code="invitations_full",
            )
        invitation = Invitation(
            email=email,
            roles=sorted(set(roles)),
            invited_by=actor,
            expires_at=timezone.now() + timedelta(days=days),
        )
        invitation.save()
        _mail(invitation)
    return invitation


def renew(actor: Member, invitation_id: uuid.UUID) -> Invitation:
    """Send it again with a new link, good as long as the first one was; the old link ends.

    Whoever sends it answers for its roles from now on.
    """
    with transaction.atomic():
        invitation = _open(invitation_id)
        _check_roles(actor, invitation.roles)
        lasted = invitation.expires_at - invitation.created_at
        fresh = Invitation(invited_by=actor)
        invitation.nonce, invitation.invited_by = fresh.nonce, actor
        invitation.created_at = timezone.now()
        invitation.expires_at = invitation.created_at + lasted
        invitation.sent_at = None
        invitation.save()
        _mail(invitation)
    return invitation


def revoke_invitation(actor: Member, invitation_id: uuid.UUID) -> Invitation:
    """Make its link useless. NotFound, or Conflict when it was accepted; repeating is no error."""
    with transaction.atomic():
        check_invite(actor, ())
        invitation = _locked(invitation_id)
        if invitation.accepted_at is not None:
            raise Conflict("It was accepted: suspend the member instead.", code="invitation_over")
        if invitation.revoked_at is None:
            invitation.revoked_at = timezone.now()
            invitation.save(update_fields=["revoked_at"])
    return invitation


def invitation_link(invitation: Invitation) -> str:
    """The secret link, for its mail and for whoever invites to hand on."""
    return public_link(reverse("invitation-link", args=[invitation_token(invitation)]))


def invitation_token(invitation: Invitation) -> str:
    return f"{invitation.pk.hex}-{_signature(invitation)}"


def invitation_of(token: str) -> Invitation:
    """The pending invitation that this token is of. Raises NotFound, always with one sentence."""
    key, _, signature = token.partition("-")
    try:
        invitation = Invitation.objects.filter(pk=uuid.UUID(hex=key)).first()
    except ValueError:
        invitation = None
    if invitation is None or not _is_signed(signature, invitation) or invitation.state != PENDING:
        raise NotFound(_OVER, code="invitation_over")
    return invitation


def accept(token: str, *, username: str, name: str, password: str, time_zone: str) -> Member:
    """Become a member by an invitation, once. Raises NotFound, or ValidationError of the fields."""
    with transaction.atomic():
        _locked(invitation_of(token).pk)
        invitation = invitation_of(token)  # again, under the lock: another page may have been first
        _check_inviter(invitation)
        member = Member(
            username=Member.normalize_username(username),
            name=name,
            email=invitation.email,
            time_zone=time_zone,
        )
        member.full_clean(exclude=["password"])
        validate_password(password, member)
        member.set_password(password)
        member.save()
        member.groups.set(Group.objects.filter(name__in=invitation.roles))
        invitation.accepted_at, invitation.accepted_by = timezone.now(), member
        invitation.save(update_fields=["accepted_at", "accepted_by"])
    return member


def send_invitation(invitation_id: str, nonce: str) -> bool:
    """The cluster's job; False when the invitation has changed since. The link is made here."""
    rows = Invitation.objects.select_related("invited_by")
    invitation = rows.filter(pk=invitation_id, nonce=nonce).first()
    if invitation is None or invitation.state != PENDING:
        return False
    tenant = current_tenant().name or current_tenant().schema
    context = {"invitation": invitation, "link": invitation_link(invitation)}
    send(invitation.email, f"You are invited to {tenant}", "invitation", context)
    Invitation.objects.filter(pk=invitation.pk, nonce=nonce).update(sent_at=timezone.now())
    return True


def _mail(invitation: Invitation) -> None:
    if settings.MAIL_IS_SENT:
        job = "tenants.accounts.invitations.send_invitation"
        enqueue(job, str(invitation.pk), invitation.nonce)


def _signature(invitation: Invitation, key: str | None = None) -> str:
    ref = current_tenant()
    text = f"{ref.schema}\0{ref.id}\0{invitation.pk}\0{invitation.nonce}"
    signed = salted_hmac("tenants.accounts.invitations", text, secret=key, algorithm="sha256")
    return signed.hexdigest()


def _is_signed(signature: str, invitation: Invitation) -> bool:
    """By this installation: with SECRET_KEY, or one that counts as well while it is changed."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(signature, _signature(invitation, key)) for key in keys)


def _checked_days(days: int | None) -> int:
    days = settings.INVITATION_DAYS if days is None else days
    if not 1 <= days <= DAYS_MAX:
        raise Invalid(f"An invitation is good for 1 to {DAYS_MAX} days.", code="invitation_days")
    return days


def _check_roles(actor: Member, roles: Collection[str]) -> None:
    unknown = set(roles) - set(Group.objects.values_list("name", flat=True))
    if unknown or not roles:
        said = f"There is no role {', '.join(sorted(unknown))}." if unknown else "Name a role."
        raise Invalid(said, code="unknown_role")
    check_invite(actor, roles)


def _check_inviter(invitation: Invitation) -> None:
    inviter = invitation.invited_by
    try:
        if inviter is None or not inviter.is_active:
            raise Forbidden
        check_invite(inviter, invitation.roles)
    except Forbidden:
        raise NotFound(_OVER, code="invitation_over") from None


def _locked(invitation_id: uuid.UUID) -> Invitation:
    found = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
    if found is None:
        raise NotFound("There is no such invitation.", code="unknown_invitation")
    return found


def _open(invitation_id: uuid.UUID) -> Invitation:
    invitation = _locked(invitation_id)
    if invitation.state in (ACCEPTED, REVOKED):
        raise Conflict(
            f"This invitation is {invitation.state}: invite anew.", code="invitation_over"
        )
    return invitation
