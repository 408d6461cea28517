"""One approval beside its story: what is asked, of whom, and what the run had done until then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.scoped import may
from agents.admin.shown import STATUS_TONE, ago, as_text, badge, between, duration, one_line
from agents.answering import EFFECTS, Answer, shown_arguments
from agents.models import Message, Run, Step
from agents.schema_form import words
from approvals.deciders import Standing, asks_requester, deciding_roles, duties_of
from approvals.models import Approval, Tier
from approvals.models.approval import ASKS, asker
from tenants.accounts.scopes import Scope

# What is shown of the story: messages before the call, steps before it, characters of each.
_MESSAGES = 6
_STEPS = 12
_SAID = 2_000

_TONES = {
    "waiting": "warning",
    "approved": "success",
    "answered": "success",
    "rejected": "danger",
    "expired": "neutral",
    "cancelled": "neutral",
}
_TIERS = {"user": "info", "admin": "danger"}


def status_shown(approval: Approval) -> SafeString:
    tone = _TONES.get(approval.status, "neutral")
    return badge(approval.get_status_display(), tone, pulse=approval.is_waiting)


def tier_shown(approval: Approval) -> SafeString:
    return badge(Tier(approval.tier).label, _TIERS.get(approval.tier, "neutral"))


def left(approval: Approval) -> SafeString | str:
    """`3 h 20 min left`, marked when it is soon; when it was decided, once it is."""
    if not approval.is_waiting:
        return ago(approval.decided_at or approval.expires_at)
    time_left = approval.expires_at - timezone.now()
    if time_left <= timedelta(0):
        return format_html('<span class="cx-soon">time is up</span>')
    soon = time_left < min(timedelta(hours=1), (approval.expires_at - approval.created_at) / 4)
    until = timezone.localtime(approval.expires_at).strftime("%Y-%m-%d %H:%M %Z")
    return format_html(
        '<span{} title="until {}">{} left</span>',
        SafeString(' class="cx-soon"') if soon else "",
        until,
        _rough(time_left),
    )


def _rough(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} d {span.seconds // 3600} h"
    return duration(span.total_seconds()).removesuffix(" 00 s")


def heading(approval: Approval) -> str:
    return words(asker(approval.tool))


def row(approval: Approval, standing: Standing) -> dict[str, Any]:
    """An approval as a line of the queue."""
    return {
        "approval": approval,
        "heading": heading(approval),
        "arguments": one_line(", ".join(_in_short(approval.arguments)), 160),
        "status": status_shown(approval),
        "tier": tier_shown(approval),
        "asked": ago(approval.created_at),
        "left": left(approval),
        "mine": bool(standing) and approval.is_waiting and not asks_requester(approval),
    }


def _in_short(arguments: Any) -> list[str]:
    if not isinstance(arguments, dict):
        return [as_text(arguments)]
    return [f"{name}: {one_line(as_text(value), 60)}" for name, value in arguments.items()]


def panel(request: HttpRequest, approval: Approval, answer: Answer | None = None) -> dict[str, Any]:
    """The context of the panel; `answer` brings back what was posted and refused."""
    answer = answer or Answer(approval)
    standing = duties_of(request.user, [approval]).on(approval)
    for_requester = asks_requester(approval)
    decisions = list(approval.decisions.select_related("member", "on_behalf_of"))
    return {
        "approval": approval,
        "heading": heading(approval),
        "status": status_shown(approval),
        "tier": tier_shown(approval),
        "effect": EFFECTS.get(approval.effect, approval.effect),
        "writes": approval.effect not in ("read", ASKS),
        "asks": approval.effect == ASKS,
        "asked": ago(approval.created_at),
        "left": left(approval),
        "arguments": shown_arguments(approval.arguments, approval.tool),
        "decided_arguments": shown_arguments(approval.decided_arguments, approval.tool)
        if approval.decided_arguments is not None
        else None,
        "as_json": as_text(approval.arguments)[:50_000],
        "response": as_text(approval.response)[:50_000],
        "for_requester": for_requester,
        "roles": deciding_roles(approval),
        "decisions": decisions,
        "agreed": sum(said.decision == "approve" for said in decisions),
        "answer": answer,
        "may_act": may(request, Scope.APPROVALS_DECIDE)
        and not for_requester
        and approval.is_waiting
        and bool(standing),
        "why_not": standing.reason if approval.is_waiting and not standing else "",
        "stands_in": standing.on_behalf_of is not None,
        "may_see_runs": may(request, Scope.RUNS_READ_ALL),
        "may_see_members": may(request, Scope.MEMBERS_READ),
        **_story(approval),
    }


def _story(approval: Approval) -> dict[str, Any]:
    """The conversation before the call and the steps up to it: three statements."""
    run = approval.run
    root = run
    if approval.root_run_id != run.pk:
        root = Run.objects.filter(pk=approval.root_run_id).first() or run
    said = (
        Message.objects.filter(session=root.session_id, run__lte=root.pk)
        .exclude(run=root.pk, role=Message.Role.ASSISTANT)
        .annotate(text=Left(F("content"), _SAID))
        .values("run_id", "role", "text")
        .order_by("-run", "-position")[:_MESSAGES]
    )
    messages = [
        {"who": message["role"], "text": message["text"], "now": message["run_id"] == root.pk}
        for message in reversed(said)
    ]
    if not any(message["now"] for message in messages):
        text = as_text(root.input)[:_SAID]
        messages.append({"who": "user", "text": text, "now": True})
    key = approval.step_key.partition("#")[0]
    this = run.steps.filter(key=key).values("seq")
    steps = list(run.steps.filter(seq__lte=this[:1]).order_by("-seq")[: _STEPS + 1])
    return {
        "run": run,
        "messages_shown": messages,
        "steps": [_step(step, step.key == key) for step in reversed(steps[:_STEPS])],
        "steps_cut": len(steps) > _STEPS,
    }


def _step(step: Step, this: bool) -> dict[str, Any]:
    output = step.output if isinstance(step.output, dict) else {}
    error = step.error if isinstance(step.error, dict) else {}
    text = output.get("text") if output.get("data") is None else output.get("data")
    return {
        "seq": step.seq,
        "kind": step.kind,
        "name": step.name,
        "this": this,
        "status": badge(step.get_status_display(), STATUS_TONE.get(step.status, "neutral")),
        "took": duration(between(step.started_at, step.finished_at)) if step.finished_at else "",
        "said": one_line(str(error.get("message") or as_text(text)), 240),
    }
