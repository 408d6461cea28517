"""Handing a conversation over: from the user's next message on it is another agent's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from agents.models import Agent

MOST_NAMED = 20


class Successor(Arguments):
    agent: Annotated[
        str,
        Field(min_length=1, max_length=64, description="The agent's slug, such as billing-desk"),
    ]


@tool(effect=Effect.IDEMPOTENT_WRITE, scope=Scope.AGENTS_RUN, transactional=True, tier="audited")
def hand_over(context: ToolContext, args: Successor) -> dict[str, Any]:
    """Hand the conversation over to another agent, which answers the user's next message.

    It knows what was said before. Say to the user who goes on.
    """
    from agents.models import Run, Session

    run = Run.objects.only("parent_id", "session_id", "slug").get(pk=context.run_id)
    session = Session.objects.select_for_update().get(pk=run.session_id)
    if run.parent_id is not None or session.kind != "agent":
        raise ToolError("only the agent that the user talks to can hand the conversation over")
    agents = _runnable(context.member_id, besides=run.slug)
    found = agents.filter(slug=args.agent).first()
    if found is None:
        named = ", ".join(agents.values_list("slug", flat=True)[:MOST_NAMED]) or "none"
        raise ToolError(f"the user may talk to no agent {args.agent!r}; there are: {named}")
    session.slug = found.slug
    session.save(update_fields=["slug"])
    return {"agent": found.slug, "name": found.name}


def _runnable(member_id: int, besides: str) -> QuerySet[Agent]:
    """Published agents that one of the member's roles may run, by name."""
    from django.contrib.auth import get_user_model
    from django.db.models import Q

    from agents.models import Agent

    member = get_user_model()._default_manager.get(pk=member_id)
    mine = Q(published__spec__run_roles=[])
    for role in member.roles:
        mine |= Q(published__spec__run_roles__contains=[role])
    rows = Agent.objects.filter(mine, published__isnull=False, is_archived=False)
    return rows.exclude(slug=besides).order_by("name")
