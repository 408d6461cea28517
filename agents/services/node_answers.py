"""Decisions on what a workflow's node asks: approved as it is, or answered as it declares."""

from __future__ import annotations

from typing import Any

from agents.guardrails.schema_check import placed_complaints
from agents.tools.output import storable
from approvals.models import Approval
from config.errors import Invalid


def no_edit(approval: Approval, arguments: Any) -> None:
    """Raises Invalid for other arguments than the node's: what it asks is no call to be changed."""
    if arguments is not None and arguments != approval.arguments:
        raise Invalid(
            "What a workflow asks is approved or rejected as it is: leave the arguments out.",
            code="arguments",
        )


def checked_response(approval: Approval, response: Any) -> Any:
    """The response as it is kept. Raises Invalid, naming the fields, where it isn't as declared."""
    response = storable({} if response is None and approval.fields else response)
    if not approval.fields:
        return response
    shown = [
        {"loc": ["response", *map(str, place)], "msg": why}
        for place, why in placed_complaints(response, approval.fields)
    ]
    if shown:
        first = shown[0]
        raise Invalid(f"{'.'.join(first['loc'])}: {first['msg']}", code="response", errors=shown)
    return response
