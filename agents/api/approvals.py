"""Approvals: what waits for people, and what they decide."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.db.models import Prefetch
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from agents.runtime.events import iso
from agents.services.decide import (
    LONGEST_REASON,
    Decide,
    access_approval,
    decide,
    visible_approvals,
)
from approvals.models import Approval, Decision
from config.pages import Paging, page
from tenants.accounts.guard import principal, requires
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

router = Router(tags=["approvals"])
_Status = Literal["waiting", "approved", "rejected", "answered", "expired", "cancelled"]


class ApprovalFilter(Paging):
    status: _Status | None = None
    kind: Literal["confirm", "input", "external"] | None = None
    run_id: UUID | None = None
    tool: str | None = None
    component: str | None = None


class DecisionIn(Schema):
    model_config = ConfigDict(extra="forbid")
    decision: Literal["approve", "reject", "respond"]
    arguments: dict[str, Any] | None = None
    response: Any = None
    reason: str = Field(default="", max_length=LONGEST_REASON)


@router.get("/approvals", auth=requires(Scope.APPROVALS_READ))
async def list_approvals(request: HttpRequest, query: Query[ApprovalFilter]) -> dict[str, Any]:
    """What one's own runs asked, newest first; all with approvals:decide or audit:read."""
    return await hop(_list, principal(request), query)


def _list(who: Principal, query: ApprovalFilter) -> dict[str, Any]:
    rows = _with_decisions(visible_approvals(who))
    for name in ("status", "kind", "tool", "component"):
        value = getattr(query, name)
        if value is not None:
            rows = rows.filter(**{name: value})
    if query.run_id is not None:
        rows = rows.filter(run=query.run_id) | rows.filter(root_run_id=query.run_id)
    return page(rows, query, ("id",), approval_json)


@router.get("/approvals/{uuid:approval_id}", auth=requires(Scope.APPROVALS_READ))
async def get_approval(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    return await hop(_one, principal(request), approval_id)


def _one(who: Principal, approval_id: UUID) -> dict[str, Any]:
    return approval_json(access_approval(who, approval_id))


@router.post("/approvals/{uuid:approval_id}/decision", auth=requires(Scope.APPROVALS_ANSWER))
async def post_decision(
    request: HttpRequest, approval_id: UUID, body: DecisionIn
) -> dict[str, Any]:
    """Approve, with other arguments if need be; reject, with a reason; or respond. Once."""
    who = principal(request)
    said = Decide(body.decision, body.arguments, body.response, body.reason)
    await decide(who, approval_id, said)
    return await hop(_one, who, approval_id)


def _with_decisions(rows: Any) -> Any:
    said = Decision.objects.select_related("member", "on_behalf_of")
    return rows.prefetch_related(Prefetch("decisions", said))


def approval_json(approval: Approval) -> dict[str, Any]:
    """An approval as the HTTP contract shows it."""
    return {
        "id": str(approval.pk),
        "run_id": str(approval.run_id),
        "root_run_id": str(approval.root_run_id),
        "kind": approval.kind,
        "status": approval.status,
        "component": {"kind": approval.component_kind, "slug": approval.component},
        "tool": approval.tool,
        "arguments": approval.arguments,
        "decided_arguments": approval.decided_arguments,
        "fields": approval.fields,
        "response": approval.response,
        "tier": approval.tier,
        "effect": approval.effect,
        "why": approval.why,
        "requester": approval.requester.username,
        "decider_roles": approval.decider_roles,
        "quorum": approval.quorum,
        "decisions": [
            {
                "member": said.member.username,
                "on_behalf_of": said.on_behalf_of.username if said.on_behalf_of else None,
                "decision": said.decision,
                "reason": said.reason,
                "at": iso(said.at),
            }
            for said in approval.decisions.all()
        ],
        "reason": approval.reason,
        "decided_by": approval.decided_by.username if approval.decided_by else None,
        "trace_id": approval.trace_id,
        "created_at": iso(approval.created_at),
        "expires_at": iso(approval.expires_at),
        "escalated_at": iso(approval.escalated_at),
        "decided_at": iso(approval.decided_at),
    }
