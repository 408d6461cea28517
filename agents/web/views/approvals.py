"""What waits for a member: an inbox of cards, and each card by itself for the conversation."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from agents.answering import Answer
from agents.services.decide import visible_approvals
from agents.services.inbox import MOST, asked_of_others, to_decide
from agents.web.approval_card import card, cards, whole
from agents.web.declare import is_htmx, page, who
from agents.web.shell import render_page
from approvals.models import Approval
from config.errors import NotFound
from tenants.accounts.principal import Principal
from tenants.accounts.scopes import Scope


@page(Scope.APPROVALS_READ)
def inbox(request: HttpRequest) -> HttpResponse:
    """What the member may decide or answer now, and what their runs wait for others to do."""
    principal = who(request)
    mine = to_decide(principal, whole(Approval.objects.all()))
    others = asked_of_others(principal, whole(Approval.objects.all()))
    context = {
        "mine": cards(principal, mine),
        "others": cards(principal, others),
        "cut": MOST if len(mine) == MOST else 0,
    }
    return render_page(request, "web/approvals.html", context)


@page(Scope.APPROVALS_READ)
def one(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """One card, as it is now: a part for the conversation, or a page of its own."""
    return _card(request, _found(who(request), approval_id))


@page(Scope.APPROVALS_ANSWER, methods=("GET", "POST"))
def decide(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """What was posted from a card: decided, or the card again with what is wrong."""
    principal = who(request)
    approval = _found(principal, approval_id)
    if request.method != "POST":
        return redirect("web:approval", approval_id=approval_id)
    answer = Answer(approval)
    done = answer.post(principal, request.POST)
    now = _found(principal, approval_id)
    if done and not is_htmx(request):
        return redirect("web:approvals")
    return _card(request, now, None if done else answer)


def _card(request: HttpRequest, approval: Approval, answer: Answer | None = None) -> HttpResponse:
    context = {"card": card(who(request), approval, answer)}
    if is_htmx(request):
        return render(request, "web/parts/approval.html", context)
    status = 200 if answer is None else answer.status
    return render_page(request, "web/approval.html", context, status=status)


def _found(principal: Principal, approval_id: UUID) -> Approval:
    found = whole(visible_approvals(principal)).filter(pk=approval_id).first()
    if found is None:
        raise NotFound("There is no such approval.", code="unknown_approval")
    return found
