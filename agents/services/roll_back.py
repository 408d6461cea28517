"""Go back to an earlier revision: its spec is published again, under a new number."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.models import Agent, Revision
from agents.specs import AgentSpec
from agents.tools import registry
from config.errors import Conflict, Forbidden, Invalid, NotFound
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def roll_back(
    member: Member | None, slug: str, number: int, note: str = "", *, draft_too: bool = False
) -> Revision:
    """Publish revision `number` of the agent anew; new runs use it at once. Returns the new one.

    History only grows: the new revision has the old one's spec and digest, and says where it comes
    from. The draft stays as it is unless `draft_too`. `member` None is the installation itself.
    Raises Forbidden, NotFound, Conflict when it is the published spec already, Invalid when the
    old spec can't run any more (a tool that is gone).
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Rolling back needs the scope agents:publish.")
    with transaction.atomic():
        agent = Agent.objects.select_for_update(of=("self",)).filter(slug=slug).first()
        if agent is None or agent.published is None:
            raise NotFound(f"There is no published agent {slug!r}.", code="unknown_component")
        wanted = Revision.objects.filter(kind="agent", slug=slug, number=number).first()
        if wanted is None:
            raise NotFound(f"{agent} has no revision {number}.", code="unknown_revision")
        if wanted.digest == agent.published.digest:
            raise Conflict(
                f"r{agent.published.number}, which is published, is the same as r{number}.",
                code="same_revision",
            )
        spec = _still_fit(wanted)
        last = Revision.objects.filter(kind="agent", slug=slug).first()
        assert last is not None
        made = Revision.objects.create(
            kind="agent",
            slug=slug,
            number=last.number + 1,
            digest=wanted.digest,
            spec=wanted.spec,
            note=f"Back to r{number}. {note}".strip()[:500],
            author=member,
        )
        happened.tell(
            "agent.rolled_back",
            target=("agent", agent.pk, agent.name),
            before=agent.published.spec,
            after=made.spec,
            detail={"revision": made.number, "back_to": number, "note": made.note},
        )
        agent.published = made
        agent.save(update_fields=["published", "updated_at"])
        if draft_too:
            set_draft(agent, spec)
    return made


def _still_fit(revision: Revision) -> AgentSpec:
    try:
        spec = AgentSpec.model_validate(revision.spec)
    except SpecError as error:
        raise Invalid(f"{revision} can't be read any more: {error}") from None
    known = {tool.name for tool in registry.all()}
    gone = sorted(set(spec.tools) - known)
    if gone:
        raise Invalid(
            f"{revision} uses tools that are no longer installed: {', '.join(gone)}. Publish the "
            "draft without them instead.",
            code="tools_gone",
        )
    return spec


def set_draft(agent: Agent, spec: AgentSpec) -> None:
    """Make the draft what `spec` says; roles that no longer exist are left out."""
    agent.name, agent.description = spec.name, spec.description
    agent.instructions = spec.instructions
    agent.model = spec.model.name
    agent.temperature = spec.model.temperature
    agent.max_output_tokens = spec.model.max_output_tokens
    agent.tools = list(spec.tools)
    agent.history_runs = spec.history_runs
    agent.max_turns, agent.max_tokens = spec.limits.turns, spec.limits.tokens
    agent.max_seconds, agent.max_cost = spec.limits.seconds, spec.limits.cost
    agent.guardrails = [one.model_dump(mode="json") for one in spec.guardrails]
    agent.save()
    agent.run_roles.set(Group.objects.filter(name__in=spec.run_roles))
