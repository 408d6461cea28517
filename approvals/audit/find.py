"""Looking entries up: the filters that API, export and console share, each with an index."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.db.models import Q, QuerySet
from ninja import Schema
from pydantic import AwareDatetime, Field

from approvals.audit.models import AuditEntry, AuditSeal
from config.errors import Invalid


class AuditQuery(Schema):
    """`action` with a dot at its end is all that begin so: `run.` is run.started, run.failed, …"""

    action: str | None = Field(default=None, max_length=64)
    actor: int | None = Field(default=None, ge=1, description="A member's id.")
    target_type: str | None = Field(default=None, max_length=32)
    target_id: str | None = Field(default=None, max_length=64)
    run_id: UUID | None = None
    trace_id: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    result: Literal["ok", "refused", "failed"] | None = None
    first: AwareDatetime | None = Field(default=None, alias="from")
    last: AwareDatetime | None = Field(default=None, alias="to")


def matching(query: AuditQuery) -> QuerySet[AuditEntry]:
    """The active tenant's entries that fit. Raises Invalid where `to` is before `from`."""
    if query.first and query.last and query.last < query.first:
        raise Invalid(
            "The range ends before it begins.",
            code="range",
            errors=[{"loc": ["query", "from"], "msg": "must not be after `to`"}],
        )
    rows = AuditEntry.objects.all()
    if query.action is not None:
        begins = query.action.endswith(".")
        rows = rows.filter(beginning(query.action) if begins else Q(action=query.action))
    for field, value in (
        ("actor_id", query.actor),
        ("target_type", query.target_type),
        ("target_id", query.target_id),
        ("run_id", query.run_id),
        ("trace_id", query.trace_id),
        ("result", query.result),
        ("at__gte", query.first),
        ("at__lt", query.last),
    ):
        if value is not None:
            rows = rows.filter(**{field: value})
    return rows


def beginning(prefix: str) -> Q:
    """Actions that begin so; `prefix` ends with a dot."""
    return Q(action__startswith=prefix)


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "at": entry.at.isoformat().replace("+00:00", "Z"),
        "action": entry.action,
        "result": entry.result,
        "actor": {"id": entry.actor_id, "name": entry.actor_name},
        "via": entry.via,
        "credential": entry.credential,
        "address": entry.address,
        "target": {
            "type": entry.target_type,
            "id": entry.target_id,
            "name": entry.target_name,
        },
        "before": entry.before,
        "after": entry.after,
        "detail": entry.detail,
        "run_id": str(entry.run_id) if entry.run_id else None,
        "trace_id": entry.trace_id,
    }


def seals_of(entries: list[AuditEntry]) -> dict[int, dict[str, Any]]:
    """`{"number": …, "hash": …}` of each entry that is sealed, by the entry's id."""
    seals = AuditSeal.objects.filter(entry_id__in=[entry.pk for entry in entries])
    return {seal.entry_id: {"number": seal.seq, "hash": bytes(seal.hash).hex()} for seal in seals}
