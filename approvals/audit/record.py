"""Writing an entry from Python: what is told to `tenants.happened` becomes a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from approvals.audit import sealing
from approvals.audit.models import AuditEntry
from tenants.accounts.models import Member
from tenants.context import current_tenant
from tenants.happened import Happened


def record(happened: Happened) -> None:
    """Write it for the active tenant, in the caller's transaction. Raises TenantNotSet."""
    current_tenant()
    actor = happened.actor
    kind, key, name = happened.target
    AuditEntry.objects.create(
        actor_id=actor.member_id,
        actor_name=(actor.name or _name(actor.member_id))[:200],
        via=actor.via,
        credential=actor.credential[:64],
        action=happened.action,
        target_type=kind,
        target_id=str(key)[:64],
        target_name=name.replace("\x00", "")[:200],
        before=_plain(happened.before),
        after=_plain(happened.after),
        detail=_plain(happened.detail),
        address=happened.address,
        trace_id=happened.trace_id,
        run_id=happened.run_id,
        result=happened.result,
    )
    sealing.mark_on_commit()


def _name(member_id: int | None) -> str:
    member = Member.objects.filter(pk=member_id).first() if member_id is not None else None
    return str(member) if member is not None else ""


def _plain(values: Mapping[str, Any] | None) -> Any:
    """As JSON can hold it: what it has no word for (a moment, an amount) as text."""
    return json.loads(json.dumps(values, default=str)) if values is not None else None
