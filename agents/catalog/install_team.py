"""Install a shipped team. Its members are components of the tenant by their slugs."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError as SpecError

from agents.catalog.outcomes import NOTE, Installed, Outcome, outcome_of
from agents.models import Agent, Team
from agents.services.publish_team import draft_spec, publish_team
from agents.services.roll_back_team import set_draft
from agents.specs import TeamSpec, digest, read_spec
from config.errors import Invalid


def install_team(spec: TeamSpec) -> Installed:
    """In the caller's transaction. Raises Invalid when a member isn't there or can't be run."""
    found = Team.objects.select_for_update(of=("self",)).select_related("published")
    row = found.filter(slug=spec.slug).first()
    draft = None if row is None else _own(_draft(row))
    done = outcome_of(
        row,
        spec.slug,
        edited=row is not None and (draft is None or draft != _own(_published(row))),
        same=row is not None and draft == _own(spec),
    )
    if row is not None and done.outcome is Outcome.UNCHANGED and _is_outdated(row):
        done = Installed(spec.slug, Outcome.UPDATED, "its members are told of anew")
    if done.writes:
        team = row if row is not None else Team(slug=spec.slug)
        _fill(team, spec)
        publish_team(None, team.pk, note=NOTE)
    return done


def _draft(team: Team) -> TeamSpec | None:
    try:
        return draft_spec(team)
    except SpecError:
        return None


def _published(team: Team) -> TeamSpec | None:
    if team.published is None:
        return None
    found = read_spec(team.published.spec)
    assert isinstance(found, TeamSpec)
    return found


def _own(spec: TeamSpec | None) -> dict[str, Any] | None:
    """What of the spec is the team's own: members' names and descriptions are the members'."""
    if spec is None:
        return None
    members = [{**one.model_dump(), "name": "", "description": ""} for one in spec.members]
    return {**spec.model_dump(), "members": members}


def _is_outdated(team: Team) -> bool:
    """Whether it is the catalogue's, and tells its leader of members as they were."""
    if team.published is None or team.published.author_id is not None:
        return False
    return team.published.note == NOTE and team.published.digest != digest(draft_spec(team))


def _fill(team: Team, spec: TeamSpec) -> None:
    """Make the draft what the file says. Raises Invalid where a member isn't here."""
    for member in spec.members:
        kind: type[Agent] | type[Team] = Team if member.kind == "team" else Agent
        if not kind.objects.filter(slug=member.slug).exists():
            raise Invalid(f"{spec.name} needs the {member.kind} {member.slug!r}, which isn't here.")
    set_draft(team, spec)
