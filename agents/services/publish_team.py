"""Publish a team: its draft becomes the next immutable revision, when its members can run."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import ValidationError as SpecError

from agents.budgets import Limits, StageSpec
from agents.models import Agent, Revision, Team, TeamMember
from agents.providers.services import check_model
from agents.services.team_contracts import contract_issues
from agents.specs import MemberSpec, ModelSpec, TaskSpec, TeamSpec, digest
from config.errors import Forbidden, Invalid
from tenants import happened
from tenants.accounts.models import Member
from tenants.accounts.scopes import Scope


def draft_spec(team: Team) -> TeamSpec:
    """The spec that publishing the draft as it is would give."""
    return TeamSpec(
        slug=team.slug,
        name=team.name,
        description=team.description,
        mode=team.mode,
        instructions=team.instructions,
        model=ModelSpec(name=team.model or "default"),
        members=tuple(_member(one, plans=team.mode == Team.Mode.PLAN) for one in _members(team)),
        at_once=team.at_once,
        history_runs=team.history_runs,
        limits=Limits(
            turns=team.max_turns,
            tokens=team.max_tokens,
            seconds=team.max_seconds,
            cost=team.max_cost,
        ),
        # Not values_list: lists of teams prefetch the roles.
        run_roles=tuple(sorted(group.name for group in team.run_roles.all())),
        plan=_plan(team) if team.mode == Team.Mode.PLAN else None,
        tasks=TaskSpec(most=team.most_steps) if team.mode == Team.Mode.TASKS else None,
        stage=_stage(team),
    )


def _plan(team: Team) -> Any:
    """Read with the whole spec, so that what is wrong with it has its place there."""
    return {
        "rules": team.rules,
        "verifier": team.verifier,
        "rounds": team.rounds,
        "rejections": team.rejections,
        "most_steps": team.most_steps,
        "review_roles": team.review_roles,
    }


def _stage(team: Team) -> StageSpec | None:
    found = StageSpec(seconds=team.stage_seconds, tokens=team.stage_tokens, cost=team.stage_cost)
    return found if found != StageSpec() else None


def _members(team: Team) -> list[TeamMember]:
    return sorted(team.members.all(), key=lambda one: (one.position, one.pk))


def _member(one: TeamMember, *, plans: bool) -> MemberSpec:
    """What it is given and has to answer is said where its team plans."""
    component = one.component
    return MemberSpec(
        kind="team" if isinstance(component, Team) else "agent",
        slug=component.slug,
        name=component.name,
        description=component.description,
        input_schema=one.input_schema if plans else None,
        output_schema=one.output_schema if plans else None,
        seconds=one.max_seconds,
        tokens=one.max_tokens,
        cost=one.max_cost,
        fallback=one.fallback,
    )


def has_changes(team: Team) -> bool:
    """Whether the draft differs from what is published."""
    if team.published is None:
        return True
    try:
        return team.published.digest != digest(draft_spec(team))
    except SpecError:
        return True


def check_draft(team: Team) -> TeamSpec:
    """The draft's spec, when it is fit to run. Raises Invalid; `errors` name the place of each.

    Every member is published, no team holds itself, and none is too deep.
    """
    try:
        team.full_clean()
        spec = draft_spec(team)
    except ValidationError as error:
        raise Invalid("The draft can't be published: " + " ".join(error.messages)) from None
    except SpecError as error:
        if not team.members.exists():
            raise _wrong(["members"], "A team has one member at least.") from None
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = [part if isinstance(part, int) else str(part) for part in first["loc"]]
        said = f"{'.'.join(map(str, place)) or 'team'}: {first['msg']}"
        raise _wrong(place, said, code="team_spec") from None
    check_members(team, spec)
    if spec.plan is not None:
        check_contracts(spec)
    check_model(spec.model.name, with_tools=spec.calls_tools)
    return spec


def check_members(team: Team, spec: TeamSpec) -> None:
    """Raises Invalid when a member of `spec` can't be run, or would hold `team`."""
    by_kind: dict[str, dict[str, Agent | Team]] = {
        "agent": {one.slug: one for one in Agent.objects.filter(slug__in=_slugs(spec, "agent"))},
        "team": {one.slug: one for one in Team.objects.filter(slug__in=_slugs(spec, "team"))},
    }
    for at, member in enumerate(spec.members):
        component = by_kind[member.kind].get(member.slug)
        if component is None:
            raise _wrong(["members", at], f"There is no {member.kind} {member.slug!r} any more.")
        if component.is_archived or component.published_id is None:
            why = "is archived" if component.is_archived else "is not published"
            raise _wrong(["members", at], f"{component.name} {why}.")
        if member.fallback:
            _check_fallback(spec, member, at)
        if isinstance(component, Team):
            _check_nested(team, component, at)


def check_contracts(spec: TeamSpec) -> None:
    """Raises Invalid at the place of the first rule or schema that is wrong."""
    for place, sentence in contract_issues(spec):
        raise _wrong(place, sentence, code="team_contract")


def _slugs(spec: TeamSpec, kind: str) -> list[str]:
    return [member.slug for member in spec.members if member.kind == kind]


def _wrong(place: list[Any], sentence: str, code: str = "team_members") -> Invalid:
    return Invalid(
        f"The draft can't be published: {sentence}",
        code=code,
        errors=[{"loc": place, "msg": sentence}],
    )


def _check_fallback(spec: TeamSpec, member: MemberSpec, at: int) -> None:
    others = [one.slug for one in spec.members if one.slug != member.slug]
    if member.fallback not in others:
        listed = ", ".join(others) or "none"
        said = (
            f"{member.name} can't fall back on {member.fallback!r}. Other members of the team: "
            f"{listed}."
        )
        raise _wrong(["members", at, "fallback"], said)


def _check_nested(team: Team, nested: Team, at: int) -> None:
    """Follows what is published: one statement for each level."""
    level = {nested.slug: [nested.name]}
    for _ in range(settings.TEAM_DEPTH_MAX - 1):
        if team.slug in level:
            way = " → ".join([team.name, *level[team.slug][:-1], team.name])
            raise _wrong(["members", at], f"The team would hold itself: {way}.")
        below: dict[str, list[str]] = {}
        for row in Team.objects.filter(slug__in=level).select_related("published"):
            if row.published is None:
                continue
            for member in row.published.spec["members"]:
                if member["kind"] == "team":
                    below.setdefault(member["slug"], [*level[row.slug], member["name"]])
        if not below:
            return
        level = below
    most = settings.TEAM_DEPTH_MAX
    raise _wrong(["members", at], f"Members may be {most} deep, and this would be more.")


def publish_team(member: Member | None, team_id: int, note: str = "") -> tuple[Revision, bool]:
    """Publish the draft; returns the revision, and whether it is new.

    An unchanged draft makes no new revision. `member` None is the installation itself (commands).
    Raises Forbidden without agents:publish, and Invalid as `check_draft` does.
    """
    if member is not None and not member.may(Scope.AGENTS_PUBLISH):
        raise Forbidden("Publishing needs the scope agents:publish.")
    with transaction.atomic():
        team = Team.objects.select_for_update().get(pk=team_id)
        spec = check_draft(team)
        name = digest(spec)
        if team.published is not None and team.published.digest == name:
            return team.published, False
        last = Revision.objects.filter(kind="team", slug=team.slug).first()
        revision = Revision.objects.create(
            kind="team",
            slug=team.slug,
            number=last.number + 1 if last else 1,
            digest=name,
            spec=spec.model_dump(mode="json"),
            note=note[:500],
            author=member,
        )
        happened.tell(
            "team.published",
            target=("team", team.pk, team.name),
            before=team.published.spec if team.published else None,
            after=revision.spec,
            detail={"revision": revision.number, "note": revision.note},
        )
        team.published = revision
        team.save(update_fields=["published", "updated_at"])
    return revision, True
