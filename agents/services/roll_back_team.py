"""Go back to an earlier revision of a team: its spec is published again, under a new number."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.budgets import StageSpec
from agents.models import Agent, Revision, Team, TeamMember
from agents.providers.services import check_model
from agents.services.publish_team import check_contracts, check_members
from agents.specs import TeamSpec
from config.errors import Conflict, Forbidden, Invalid, NotFound
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def roll_back_team(
    member: Member | None, slug: str, number: int, note: str = "", *, draft_too: bool = False
) -> Revision:
    """Publish revision `number` of the team anew; new runs use it at once. Returns the new one.

    As `roll_back` of agents. Invalid when the old spec can't run any more: a member that is
    archived or gone, or teams that would hold one another.
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Rolling back needs the scope agents:publish.")
    with transaction.atomic():
        team = Team.objects.select_for_update(of=("self",)).filter(slug=slug).first()
        if team is None or team.published is None:
            raise NotFound(f"There is no published team {slug!r}.", code="unknown_component")
        wanted = Revision.objects.filter(kind="team", slug=slug, number=number).first()
        if wanted is None:
            raise NotFound(f"{team} has no revision {number}.", code="unknown_revision")
        if wanted.digest == team.published.digest:
            raise Conflict(
                f"r{team.published.number}, which is published, is the same as r{number}.",
                code="same_revision",
            )
        spec = _still_fit(team, wanted)
        last = Revision.objects.filter(kind="team", slug=slug).first()
        assert last is not None
        made = Revision.objects.create(
            kind="team",
            slug=slug,
            number=last.number + 1,
            digest=wanted.digest,
            spec=wanted.spec,
            note=f"Back to r{number}. {note}".strip()[:500],
            author=member,
        )
        happened.tell(
            "team.rolled_back",
            target=("team", team.pk, team.name),
            before=team.published.spec,
            after=made.spec,
            detail={"revision": made.number, "back_to": number, "note": made.note},
        )
        team.published = made
        team.save(update_fields=["published", "updated_at"])
        if draft_too:
            set_draft(team, spec)
    return made


def _still_fit(team: Team, revision: Revision) -> TeamSpec:
    try:
        spec = TeamSpec.model_validate(revision.spec)
    except SpecError as error:
        raise Invalid(f"{revision} can't be read any more: {error}") from None
    check_members(team, spec)
    if spec.plan is not None:
        check_contracts(spec)
    check_model(spec.model.name, with_tools=spec.calls_tools)
    return spec


def set_draft(team: Team, spec: TeamSpec) -> None:
    """Make the draft what `spec` says; roles that no longer exist are left out."""
    team.name, team.description = spec.name, spec.description
    team.mode, team.instructions = spec.mode, spec.instructions
    team.model = spec.model.name
    team.at_once, team.history_runs = spec.at_once, spec.history_runs
    team.max_turns, team.max_tokens = spec.limits.turns, spec.limits.tokens
    team.max_seconds, team.max_cost = spec.limits.seconds, spec.limits.cost
    stage = spec.stage or StageSpec()
    team.stage_seconds, team.stage_tokens = stage.seconds, stage.tokens
    team.stage_cost = stage.cost
    if spec.plan is not None:
        team.rules = [rule.model_dump(mode="json") for rule in spec.plan.rules]
        team.verifier, team.review_roles = spec.plan.verifier, list(spec.plan.review_roles)
        team.rounds, team.rejections = spec.plan.rounds, spec.plan.rejections
        team.most_steps = spec.plan.most_steps
    if spec.tasks is not None:
        team.most_steps = spec.tasks.most
    team.save()
    team.run_roles.set(Group.objects.filter(name__in=spec.run_roles))
    team.members.all().delete()
    for position, one in enumerate(spec.members):
        component = (Team if one.kind == "team" else Agent).objects.get(slug=one.slug)
        place = {"nested" if one.kind == "team" else "agent": component}
        TeamMember.objects.create(
            team=team,
            position=position,
            max_seconds=one.seconds,
            max_tokens=one.tokens,
            max_cost=one.cost,
            fallback=one.fallback,
            input_schema=one.input_schema,
            output_schema=one.output_schema,
            **place,
        )
