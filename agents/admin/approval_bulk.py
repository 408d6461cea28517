"""Several approvals decided at once: first a page that lists exactly what will happen."""

from __future__ import annotations

from typing import Any, Literal

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from agents.admin.approval_page import heading, left, tier_shown
from agents.admin.pages import console_page, selected
from agents.answering import EFFECTS, shown_arguments
from agents.services.decide import LONGEST_REASON, Decide
from agents.services.decide_from_thread import decide_from_thread
from approvals.deciders import asks_requester, duties_of
from approvals.models import Approval
from config.errors import Conflict, Forbidden, Invalid
from tenants.accounts.principal import of_member

Both = Literal["approve", "reject"]
# On one page, so that whoever confirms has read it.
MOST = 50


def decide_selected(
    admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Approval], choice: Both
) -> HttpResponse | None:
    """Asks first; confirmed, decides one by one and says what came of it."""
    agreed = Count("decisions", filter=Q(decisions__decision="approve"))
    picked = list(rows.select_related("requester").annotate(agreed=agreed)[: MOST + 1])
    if len(picked) > MOST:
        messages.error(request, f"At most {MOST} are decided at once: nothing was done.")
        return None
    if request.POST.get("confirmed") == "yes":
        reason = request.POST.get("reason", "").replace("\x00", "").strip()
        if len(reason) <= LONGEST_REASON:
            _decide_all(request, picked, choice, reason)
            return None
        error = f"A reason has at most {LONGEST_REASON:,} characters."
        return _ask(admin, request, picked, choice, error, reason)
    return _ask(admin, request, picked, choice)


def _ask(
    admin: ModelAdmin,
    request: HttpRequest,
    picked: list[Approval],
    choice: Both,
    error: str = "",
    reason: str = "",
) -> HttpResponse | None:
    duties = duties_of(request.user, picked)
    will, left_out = [], []
    for approval in picked:
        refusal = _refusal(approval, duties.on(approval).reason)
        if refusal:
            left_out.append({"approval": approval, "heading": heading(approval), "why": refusal})
        else:
            will.append(_line(approval))
    if not will:
        messages.warning(request, "None of the selected is yours to decide.")
        return None
    many = f"{len(will)} call{'s' if len(will) > 1 else ''}"
    context = {
        "title": f"{'Approve' if choice == 'approve' else 'Reject'} {many}?",
        "many": many,
        "choice": choice,
        "will": will,
        "left_out": left_out,
        "hidden": selected([line["approval"] for line in will], f"{choice}_selected"),
        "back": reverse("admin:approvals_approval_changelist"),
        "error": error,
        "reason": reason,
        "longest": LONGEST_REASON,
    }
    return console_page(admin, request, "admin/console/approvals_bulk.html", context)


def _refusal(approval: Approval, standing: str) -> str:
    if not approval.is_waiting:
        return f"It is {approval.get_status_display().lower()} already."
    if asks_requester(approval):
        return f"Only {approval.requester} can answer it."
    return standing


def _line(approval: Any) -> dict[str, Any]:
    return {
        "approval": approval,
        "heading": heading(approval),
        "tier": tier_shown(approval),
        "effect": EFFECTS.get(approval.effect, approval.effect),
        "left": left(approval),
        "arguments": shown_arguments(approval.arguments, approval.tool),
        # With this one; the call is made when as many agree as have to.
        "agreed": approval.agreed + 1,
        "enough": approval.agreed + 1 >= approval.quorum,
    }


def _decide_all(request: HttpRequest, picked: list[Approval], choice: Both, reason: str) -> None:
    who = of_member(request.user)
    done, late = 0, []
    for approval in picked:
        try:
            decide_from_thread(who, approval.pk, Decide(choice, reason=reason))
        except (Conflict, Forbidden, Invalid) as problem:
            late.append(f"{heading(approval)} for {approval.requester}: {problem.detail}")
        else:
            done += 1
    if done:
        word = "approved" if choice == "approve" else "rejected"
        messages.success(request, f"{done} {word}.")
    for sentence in late:
        messages.warning(request, sentence)
