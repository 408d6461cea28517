"""Decide on an approval: the one way, for API, socket, web app and console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from pydantic import BaseModel, ValidationError

from agents.guardrails.schema_check import value_complaints
from agents.models import Run
from agents.runtime.executor import executor
from agents.runtime.settle import settle
from agents.services.node_answers import checked_response, no_edit
from agents.tools import calling, registry
from agents.tools.spec import ToolSpec
from approvals.deciders import Standing, may_decide, waiting_for
from approvals.models import Approval, Decision
from approvals.models.approval import ASKS
from config.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tenants import happened, notices
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope
from tenants.hop import hop

Choice = Literal["approve", "reject", "respond"]
LONGEST_REASON = 2_000
_FITS = {"confirm": ("approve", "reject"), "input": ("respond", "reject")}
_FITS["external"] = _FITS["input"]
_STATUS = {
    "approve": Approval.Status.APPROVED,
    "reject": Approval.Status.REJECTED,
    "respond": Approval.Status.ANSWERED,
}


@dataclass(frozen=True, slots=True)
class Decide:
    """`arguments`: the call's, edited, with approve; `response`: the form or result."""

    decision: Choice
    arguments: dict[str, Any] | None = None
    response: Any = None
    reason: str = ""


def visible_approvals(principal: Principal) -> QuerySet[Approval]:
    """Of one's own runs and of duties lent to one; all with approvals:decide or audit:read."""
    rows = Approval.objects.select_related("requester", "decided_by")
    if principal.may(Scope.APPROVALS_DECIDE) or principal.may(Scope.AUDIT_READ):
        return rows
    return rows.filter(Q(requester=principal.member_id) | waiting_for(principal))


def access_approval(principal: Principal, approval_id: UUID) -> Approval:
    approval = visible_approvals(principal).filter(pk=approval_id).first()
    if approval is None:
        raise NotFound("There is no such approval.", code="unknown_approval")
    return approval


async def decide(principal: Principal, approval_id: UUID, request: Decide) -> Approval:
    """Record what the principal decides; the run goes on by itself once enough is decided.

    Raises NotFound, Forbidden (code says why), Invalid for arguments or a response that don't fit
    (naming the fields), and Conflict: decided already, expired, or the run has ended.
    """
    approval, queued = await hop(decide_now, principal, approval_id, request)
    if queued:
        executor().wake()
        executor().switchboard.announce()
    return approval


def decide_now(principal: Principal, approval_id: UUID, request: Decide) -> tuple[Approval, bool]:
    """`decide` as one plain unit; True when the run is back in the queue."""
    try:
        return _decide(principal, approval_id, request)
    except Problem as problem:  # what was tried is on record as well
        happened.tell(
            "approval.decide_refused",
            target=("approval", approval_id, ""),
            result="refused",
            detail={"decision": request.decision, "code": problem.code},
            actor=happened.actor_of(principal),
        )
        raise


def _decide(principal: Principal, approval_id: UUID, request: Decide) -> tuple[Approval, bool]:
    access_approval(principal, approval_id)
    if len(request.reason) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON:,} characters.", code="reason")
    with transaction.atomic():
        # The row's lock: of two people at the same instant one comes second, and is told so.
        approval = Approval.objects.select_for_update().get(pk=approval_id)
        root = Run.objects.select_for_update().get(pk=approval.root_run_id)
        stands = _allowed(principal, approval, root)
        wanted = _checked(approval, request)
        decision = Decision.objects.create(
            approval=approval,
            member_id=principal.member_id,
            on_behalf_of_id=stands.on_behalf_of,
            decision=wanted.decision,
            arguments=wanted.arguments,
            response=wanted.response,
            reason=wanted.reason,
        )
        if not _enough(approval, decision):
            notices.notify("approval", id=str(approval.pk))
            return approval, False
        approval.status = _STATUS[request.decision]
        approval.decided_by_id = principal.member_id
        approval.decided_at = timezone.now()
        approval.decided_arguments = wanted.arguments
        approval.response = wanted.response
        approval.reason = wanted.reason
        approval.save()
        said = {
            "choice": wanted.decision,
            "by": {"id": principal.member_id, "name": principal.name},
            "arguments": wanted.arguments,
            "response": wanted.response,
            "reason": wanted.reason,
        }
        return approval, settle(approval, root, said)


def _allowed(principal: Principal, approval: Approval, root: Run) -> Standing:
    stands = may_decide(principal, approval)
    if not stands and stands.code != "already_decided":
        raise Forbidden(stands.reason, code=stands.code)
    _check_open(approval, root)
    if not stands:
        raise Conflict(stands.reason, code=stands.code, approval_status=approval.status)
    return stands


def _check_open(approval: Approval, root: Run) -> None:
    if approval.status == Approval.Status.EXPIRED or (
        approval.is_waiting and approval.expires_at <= timezone.now()
    ):
        raise Conflict("The approval has expired: nothing was done.", code="approval_expired")
    if not approval.is_waiting and approval.status != Approval.Status.CANCELLED:
        raise Conflict(
            f"It was decided before: {approval.get_status_display().lower()}.",
            code="already_decided",
            approval_status=approval.status,
        )
    if root.cancel_requested_at is not None or not root.is_live or not approval.is_waiting:
        raise Conflict("The run has ended: there is nothing to decide.", code="run_ended")


def _checked(approval: Approval, request: Decide) -> Decide:
    """The request with arguments and response as the tool takes them."""
    fits = _FITS[approval.kind]
    if request.decision not in fits:
        raise Invalid(
            f"This approval takes {' or '.join(fits)}, not {request.decision}.",
            code="decision_kind",
        )
    if request.decision == "reject":
        return Decide("reject", reason=request.reason)
    if approval.effect == ASKS:
        return _answer_to_node(approval, request)
    if approval.kind == "confirm" and approval.fields is not None:
        return _reviewed(approval, request)
    try:
        spec: ToolSpec = registry.get(approval.tool)
    except registry.UnknownTool:
        raise Conflict("The tool is not installed any more: reject it.", code="tool_gone") from None
    if request.decision == "approve":
        arguments = request.arguments
        if arguments is not None and arguments != approval.arguments:
            _parsed(spec, arguments)
            return Decide("approve", arguments, reason=request.reason)
        return Decide("approve", reason=request.reason)
    response = request.response
    if approval.kind == "input":
        assert spec.asks is not None
        form = spec.asks(_parsed(spec, approval.arguments))
        try:
            response = form.model_validate(response or {}).model_dump(mode="json")
        except ValidationError as error:
            raise _invalid("response", error) from None
    elif response is None:
        raise Invalid("A response is missing: the result of the call.", code="response_missing")
    return Decide("respond", response=response, reason=request.reason)


def _reviewed(approval: Approval, request: Decide) -> Decide:
    """A review is about no tool's call: what is let pass may be put otherwise, by its fields."""
    arguments = request.arguments
    if arguments is None or arguments == approval.arguments:
        return Decide("approve", reason=request.reason)
    wrong = value_complaints(arguments, approval.fields or {})
    if wrong:
        place, _, said = wrong[0].partition(": ")
        loc = ["arguments", *place.removeprefix("$").strip(".").split(".")]
        errors = [{"loc": [part for part in loc if part], "msg": said}]
        raise Invalid(f"arguments: {said}", code="arguments", errors=errors)
    return Decide("approve", arguments, reason=request.reason)


def _answer_to_node(approval: Approval, request: Decide) -> Decide:
    if request.decision == "approve":
        no_edit(approval, request.arguments)
        return Decide("approve", reason=request.reason)
    response = checked_response(approval, request.response)
    return Decide("respond", response=response, reason=request.reason)


def _parsed(spec: ToolSpec, arguments: Any) -> BaseModel:
    try:
        spec.arguments.model_validate(arguments)
        return calling.parse_arguments(spec, arguments)
    except ValidationError as error:
        raise _invalid("arguments", error) from None
    except calling.ToolProblem as problem:
        raise Invalid(problem.message, code="arguments") from None


def _invalid(place: str, error: ValidationError) -> Invalid:
    shown = [
        {"loc": [place, *(str(part) for part in item["loc"])], "msg": item["msg"]}
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    first = shown[0]
    return Invalid(
        f"{'.'.join(first['loc'])}: {first['msg']}",
        code="response" if place == "response" else "arguments",
        errors=shown,
    )


def _enough(approval: Approval, decision: Decision) -> bool:
    """One rejection or response decides; consents count when they are to the same arguments."""
    if decision.decision != "approve" or approval.quorum <= 1:
        return True
    consents = approval.decisions.filter(decision="approve")
    alike = [one for one in consents if one.arguments == decision.arguments]
    return len(alike) >= approval.quorum
