"""A run that a verifier gave up on: a person reads what there is, and their decision ends it."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from agents.runtime.asking import REVIEW, has_expired, last_asked
from agents.runtime.faults import RunFault
from agents.runtime.journal import Journal
from agents.runtime.outcomes import Outcome
from agents.runtime.questions import Question
from agents.runtime.settle import expire
from agents.runtime.state import OpenStep
from approvals.policy import LONGEST_WHY, Ruling
from tenants.hop import hop

KIND = "review"

FIELDS = {
    "type": "object",
    "properties": {"answer": {"type": "string", "title": "Answer", "minLength": 1}},
    "required": ["answer"],
    "additionalProperties": False,
}


async def reviewed(
    journal: Journal, key: str, answer: str, reasons: tuple[str, ...], roles: tuple[str, ...]
) -> str:
    """The answer that a person lets pass, as it stands or as they put it.

    Raises Parked while nobody has decided: the run needs a review then. Raises RunFault when they
    reject it, or nobody decides in time.
    """
    ruling = Ruling(
        "admin",
        " ".join(reasons)[:LONGEST_WHY],
        decider_roles=roles,
        expires_minutes=settings.APPROVAL_EXPIRES_MINUTES,
    )
    given = {"answer": answer, "reasons": list(reasons)}
    step = journal.find(key)
    if step is None or not step.asked:
        question = Question(
            "confirm", REVIEW, "answer", {"answer": answer}, ruling, FIELDS, step=KIND
        )
        await journal.ask(key, REVIEW, question, given)
    while (decision := await _decision(journal, key)) is None:
        await journal.pause()

    async def work(step: OpenStep) -> Outcome:
        return _outcome(answer, decision)

    ended = await journal.step(key, KIND, REVIEW, work, input=given)
    if ended.error is not None:
        raise RunFault(str(ended.error["code"]), str(ended.error["message"]))
    return str(ended.output["text"])


async def _decision(journal: Journal, key: str) -> dict[str, Any] | None:
    step = journal.find(key)
    asked = last_asked(step)
    assert step is not None and asked is not None
    if asked["decision"] is None and has_expired(asked):
        step.asked = await hop(expire, journal.run.id, key)
    return await journal.take_decision(key)


def _outcome(answer: str, decision: dict[str, Any]) -> Outcome:
    if decision["choice"] == "approve":
        return Outcome({"text": (decision["arguments"] or {}).get("answer") or answer})
    if decision["choice"] == "expire":
        why = "Nobody reviewed the result in time."
        return Outcome({"text": ""}, {"code": "review_expired", "message": why})
    who = (decision["by"] or {}).get("name") or "somebody"
    said = f" They said: {decision['reason']}" if decision["reason"] else ""
    why = f"{who} reviewed the result and rejected it.{said}"
    return Outcome({"text": ""}, {"code": "review_rejected", "message": why})
