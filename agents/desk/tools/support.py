"""Getting people's help: a support ticket, and the page to whoever is on call."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agents.desk.models import SupportTicket
from agents.desk.tools import TOOLKIT
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope


class Problem(Arguments):
    problem: Annotated[
        str, Field(min_length=1, max_length=4_000, description="What is wrong, in the user's words")
    ]


class TicketForm(Arguments):
    """What only the user can say about it."""

    priority: Annotated[
        Literal["low", "normal", "high", "urgent"],
        Field(title="Priority", description="How soon somebody has to look at it"),
    ]
    contact: Annotated[
        str,
        Field(max_length=200, title="Contact", description="Where to reach you, if you like"),
    ] = ""


def _ticket_form(args: Problem) -> type[BaseModel]:
    return TicketForm


@tool(
    effect=Effect.WRITE,
    scope=Scope.DESK_WRITE,
    transactional=True,
    toolkit=TOOLKIT,
    asks=_ticket_form,
)
def create_support_ticket(context: ToolContext, args: Problem) -> dict[str, Any]:
    """Open a support ticket about a problem. The user is asked for its priority."""
    form = context.response
    assert isinstance(form, TicketForm)
    ticket = SupportTicket.of_call(context) or SupportTicket.write(
        context, problem=args.problem, priority=form.priority, contact=form.contact
    )
    return {"ticket_id": ticket.pk, "priority": ticket.priority, "text": ticket.problem}


class Alarm(Arguments):
    message: Annotated[
        str, Field(min_length=1, max_length=1_000, description="What whoever is on call must know")
    ]


@tool(effect=Effect.WRITE, scope=Scope.DESK_WRITE, toolkit=TOOLKIT, external=True)
def page_on_call(context: ToolContext, args: Alarm) -> None:
    """Page whoever is on call about something that can't wait. The user's own client does it."""
