"""A new password by mail: whoever reads a member's mail may set it once, within an hour."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Q
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from config.errors import Conflict, Forbidden
from tenants.accounts import throttle
from tenants.accounts.mail import check_mail, public_link, send
from tenants.accounts.models import Member
from tenants.accounts.places import Place
from tenants.accounts.scopes import Scope
from tenants.context import current_tenant
from tenants.tasks import enqueue

MEMBERS_PER_MAIL = 5  # that share a mail address and get a mail each
_JOB = "tenants.accounts.reset.send_reset_mails"


class ResetTokens(PasswordResetTokenGenerator):
    """Django's own, bound to the tenant as well: to member, password, last sign-in and address.

    Setting the password makes every token made before useless, and so does signing in.
    """

    key_salt = "tenants.accounts.reset"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        ref = current_tenant()
        return f"{ref.schema}:{ref.id}:{user.is_active}:{super()._make_hash_value(user, timestamp)}"


reset_tokens = ResetTokens()


def ask_reset(identifier: str, place: Place) -> None:
    """Somebody who isn't signed in asks for a mail, by username or mail address.

    Does the same for whom there is and whom there isn't, and tells neither. Asked too often, for
    one name or from one address, it sends nothing.
    """
    check_mail()
    identifier = identifier.strip()
    if place.address and throttle.limited(
        "reset from", place.address, settings.RESET_ADDRESS_MAILS
    ):
        return
    if throttle.limited("reset of", identifier.casefold(), settings.RESET_MAILS):
        return
    found = Member.objects.filter(
        Q(username=identifier) | Q(email__iexact=identifier),
        is_active=True,
        kind=Member.Kind.PERSON,
    ).exclude(email="")
    chosen = [member for member in found[:MEMBERS_PER_MAIL] if member.has_usable_password()]
    enqueue(_JOB, [member.pk for member in chosen])


def send_reset(actor: Member, member_id: int) -> Member:
    """An operator has the mail sent, also to a member without a password. Raises a Problem."""
    if not actor.may(Scope.MEMBERS_WRITE):
        raise Forbidden("Sending this mail needs the scope members:write.")
    check_mail()
    member = Member.objects.get(pk=member_id)
    if member.kind != Member.Kind.PERSON:
        raise Conflict(f"{member} is a service account and signs in with keys.", code="no_person")
    if not member.is_active:
        raise Conflict(f"{member} is suspended: let them in again first.", code="member_suspended")
    if not member.email:
        raise Conflict(f"{member} has no mail address: enter one first.", code="no_mail_address")
    enqueue(_JOB, [member.pk])
    return member


def reset_path(member: Member) -> str:
    uid = urlsafe_base64_encode(force_bytes(member.pk))
    return reverse("reset-password", args=[uid, reset_tokens.make_token(member)])


def send_reset_mails(member_ids: list[int]) -> int:
    """The cluster's job. The token is made here, so that the queue never holds one."""
    sent = 0
    for member in Member.objects.filter(pk__in=member_ids, is_active=True).exclude(email=""):
        context = {
            "member": member,
            "link": public_link(reset_path(member)),
            "minutes": settings.RESET_SECONDS // 60,
        }
        tenant = current_tenant().name or current_tenant().schema
        send(member.email, f"Set a new password for {tenant}", "reset", context)
        sent += 1
    return sent
