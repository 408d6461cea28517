"""Looking into what is another member's is on record: who looked, at which run or session, when."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from agents.models import Run, Session
from agents.services.access import access_run
from approvals.models import AuditEntry
from tenants import happened
from tenants.accounts.principal import Principal

# Looking again within this time, as a page or a program that polls does, is the same look.
_SAME_LOOK = timedelta(minutes=15)


def open_run(principal: Principal, run_id: UUID) -> Run:
    """`access_run`, for showing what is in it."""
    run = access_run(principal, run_id)
    tell_run_opened(principal.member_id, run)
    return run


def tell_run_opened(member_id: int, run: Run) -> None:
    """The member looks into this run: told unless it is their own."""
    if run.member_id != member_id and not _looked("run.opened", "run", run.pk, member_id):
        happened.tell(
            "run.opened",
            target=("run", run.pk, run.slug),
            detail={"member_id": run.member_id},
            run=run.pk,
        )


def tell_session_opened(member_id: int, session: Session) -> None:
    """The member looks into this session: told unless it is their own."""
    if session.member_id != member_id and not _looked(
        "session.opened", "session", session.pk, member_id
    ):
        happened.tell(
            "session.opened",
            target=("session", session.pk, str(session)),
            detail={"member_id": session.member_id},
        )


def _looked(action: str, kind: str, key: UUID, member_id: int) -> bool:
    return AuditEntry.objects.filter(
        target_type=kind,
        target_id=str(key),
        action=action,
        actor_id=member_id,
        at__gt=timezone.now() - _SAME_LOOK,
    ).exists()
