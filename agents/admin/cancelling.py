"""Cancelling from the console, on behalf of the member who is signed in."""

from __future__ import annotations

from uuid import UUID

from agents.services import cancel_from_thread as service
from tenants.accounts.models import Member
from tenants.accounts.principal import of_member


def cancel_from_thread(member: Member, run_id: UUID) -> str:
    """As the service of this name, for a member instead of a principal."""
    return service.cancel_from_thread(of_member(member), run_id)
