"""Invitations over the API: list, invite, revoke."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from config.errors import Invalid
from config.pages import Paging, page
from tenants.accounts import invitations
from tenants.accounts.guard import principal, requires
from tenants.accounts.models import Invitation, Member
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["members"])


class NewInvitation(Schema):
    model_config = ConfigDict(extra="forbid")
    email: str = Field(min_length=3, max_length=254)
    roles: list[str] = Field(min_length=1, max_length=50)
    days: int | None = Field(default=None, ge=1, le=invitations.DAYS_MAX)


class InvitationOut(Schema):
    id: UUID
    email: str
    roles: list[str]
    state: Literal["pending", "accepted", "expired", "revoked"]
    invited_by: str | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None


class MadeInvitation(InvitationOut):
    link: str


class InvitationList(Schema):
    items: list[InvitationOut]
    next: str | None
    count: int | None = None


class Filters(Paging):
    state: Literal["pending", "accepted", "expired", "revoked"] | None = None


@router.get(
    "/invitations",
    auth=requires(Scope.MEMBERS_WRITE),
    response=InvitationList,
    exclude_unset=True,
)
async def list_invitations(request: HttpRequest, filters: Query[Filters]) -> dict[str, Any]:
    """Invitations of every state, newest first. Their links are shown to nobody again."""
    return await hop(_list, filters)


@router.post("/invitations", auth=requires(Scope.MEMBERS_WRITE), response={201: MadeInvitation})
async def create_invitation(
    request: HttpRequest, body: NewInvitation
) -> tuple[int, dict[str, Any]]:
    """Invite a mail address. `link` is secret, and shown this once."""
    return 201, await hop(_create, principal(request).member_id, body)


@router.delete(
    "/invitations/{invitation_id}", auth=requires(Scope.MEMBERS_WRITE), response={204: None}
)
async def delete_invitation(request: HttpRequest, invitation_id: UUID) -> tuple[int, None]:
    """Revoke it: its link is useless from now on, and it stays in the list."""
    await hop(_revoke, principal(request).member_id, invitation_id)
    return 204, None


def _list(filters: Filters) -> dict[str, Any]:
    rows = Invitation.objects.select_related("invited_by")
    if filters.state:
        rows = rows.in_state(filters.state)
    return page(rows, filters, ("created_at", "id"), _present)


def _create(actor_id: int, body: NewInvitation) -> dict[str, Any]:
    email = body.email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid(f"email: {email!r} is no mail address.", code="email") from None
    actor = Member.objects.get(pk=actor_id)
    made = invitations.invite(actor, email, body.roles, days=body.days)
    return {**_present(made), "link": invitations.invitation_link(made)}


def _revoke(actor_id: int, invitation_id: UUID) -> None:
    invitations.revoke_invitation(Member.objects.get(pk=actor_id), invitation_id)


def _present(invitation: Invitation) -> dict[str, Any]:
    by = invitation.invited_by
    return {
        "id": invitation.pk,
        "email": invitation.email,
        "roles": invitation.roles,
        "state": invitation.state,
        "invited_by": by.username if by else None,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "accepted_at": invitation.accepted_at,
    }
