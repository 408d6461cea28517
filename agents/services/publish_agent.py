"""Publish an agent: its draft becomes the next immutable revision, which new runs use at once."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.budgets import Limits
from agents.guardrails.specs import several
from agents.models import Agent, Revision
from agents.providers.services import check_model
from agents.specs import AgentSpec, ModelSpec, digest
from config.errors import Forbidden, Invalid
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def draft_spec(agent: Agent) -> AgentSpec:
    """The spec that publishing the draft as it is would give."""
    return AgentSpec(
        slug=agent.slug,
        name=agent.name,
        description=agent.description,
        instructions=agent.instructions,
        model=ModelSpec(
            name=agent.model or "default",
            temperature=agent.temperature,
            max_output_tokens=agent.max_output_tokens,
        ),
        tools=tuple(agent.tools),
        history_runs=agent.history_runs,
        limits=Limits(
            turns=agent.max_turns,
            tokens=agent.max_tokens,
            seconds=agent.max_seconds,
            cost=agent.max_cost,
        ),
        # Not values_list: lists of agents prefetch the roles.
        run_roles=tuple(sorted(group.name for group in agent.run_roles.all())),
        guardrails=several.validate_python(agent.guardrails),
    )


def has_changes(agent: Agent) -> bool:
    """Whether the draft differs from what is published."""
    return agent.published is None or agent.published.digest != digest(draft_spec(agent))


def publish_agent(member: Member | None, agent_id: int, note: str = "") -> tuple[Revision, bool]:
    """Publish the draft; returns the revision, and whether it is new.

    An unchanged draft makes no new revision. `member` None is the installation itself (commands).
    Raises Forbidden without agents:publish, Invalid when the draft is not fit to run
    or its model is none of the tenant's.
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Publishing needs the scope agents:publish.")
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=agent_id)
        try:
            agent.full_clean()
            spec = draft_spec(agent)
        except ValidationError as error:
            raise Invalid("The draft can't be published: " + " ".join(error.messages)) from None
        except SpecError as error:
            raise Invalid(f"The draft can't be published: {error}") from None
        check_model(spec.model.name, with_tools=bool(spec.tools))
        name = digest(spec)
        if agent.published is not None and agent.published.digest == name:
            return agent.published, False
        last = Revision.objects.filter(kind="agent", slug=agent.slug).first()
        revision = Revision.objects.create(
            kind="agent",
            slug=agent.slug,
            number=last.number + 1 if last else 1,
            digest=name,
            spec=spec.model_dump(mode="json"),
            note=note[:500],
            author=member,
        )
        happened.tell(
            "agent.published",
            target=("agent", agent.pk, agent.name),
            before=agent.published.spec if agent.published else None,
            after=revision.spec,
            detail={"revision": revision.number, "note": revision.note},
        )
        agent.published = revision
        agent.save(update_fields=["published", "updated_at"])
    return revision, True
