"""What can't run is refused when it is published, with its place; and who may run what."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import Invalid
from tenants.context import use_tenant
from tests.teams.making import NOTES, SUMS, Crew, run_team, steps

pytestmark = pytest.mark.usefixtures("committed")


def publish(crew: Crew, slug: str) -> Any:
    from agents.models import Team
    from agents.services.publish_team import publish_team

    with use_tenant(crew.ref):
        return publish_team(None, Team.objects.get(slug=slug).pk)


def refused(crew: Crew, slug: str) -> Invalid:
    from agents.models import Revision

    with pytest.raises(Invalid) as caught:
        publish(crew, slug)
    with use_tenant(crew.ref):
        before = Revision.objects.filter(kind="team", slug=slug).count()
    assert before in (0, 1)
    return caught.value


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_member_that_is_not_published_is_named_with_its_place(tenant: str) -> None:
    crew = Crew(tenant)
    ready = crew.agent("ready", SUMS)
    draft = crew.agent("draft", NOTES, published=False)
    problem = refused(crew, crew.draft("crew", "route", ready, draft))
    assert problem.code == "team_members" and "draft is not published" in problem.detail
    assert problem.errors == [{"loc": ["members", 1], "msg": "draft is not published."}]


def test_a_team_without_members_and_one_that_would_hold_itself_are_refused() -> None:
    crew = Crew("acme")
    assert "one member at least" in refused(crew, crew.draft("empty", "route")).detail
    agent = crew.agent("agent", SUMS)
    inner = crew.team("inner", "route", agent)
    outer = crew.team("outer", "route", inner)
    with use_tenant(crew.ref):
        from agents.models import Team, TeamMember

        held, holder = Team.objects.get(slug=inner), Team.objects.get(slug=outer)
        TeamMember.objects.create(team=held, position=5, nested=holder)
    problem = refused(crew, inner)
    assert "inner → outer → inner" in problem.detail
    assert problem.errors[0]["loc"] == ["members", 1]


def test_teams_may_be_so_deep_and_no_deeper() -> None:
    crew = Crew("acme")
    slug = crew.agent("agent", SUMS)
    for depth in range(4):
        slug = crew.team(f"level{depth}", "route", slug)
    problem = refused(crew, crew.draft("one-more", "route", slug))
    assert "4 deep" in problem.detail


def test_an_unchanged_draft_makes_no_new_revision_and_a_changed_one_does(api: Any) -> None:
    crew = Crew("globex")
    agent = crew.agent("agent", SUMS, "calculator")
    slug = crew.team("crew", "route", agent, description="First.")
    first, new = publish(crew, slug)
    assert (first.number, new) == (1, False)
    with use_tenant(crew.ref):
        from agents.models import Team

        Team.objects.filter(slug=slug).update(description="Second.")
    second, new = publish(crew, slug)
    assert (second.number, new) == (2, True) and second.digest != first.digest
    client = api("globex")
    shown = client.get(f"/teams/{slug}").json()
    assert (shown["description"], shown["revision"]) == ("Second.", 2)
    assert shown["members"] == [
        {"kind": "agent", "slug": agent, "name": "agent", "description": SUMS}
    ]
    numbers = [one["number"] for one in client.get(f"/teams/{slug}/revisions").json()["items"]]
    assert numbers == [2, 1]
    assert run_team(client, slug, "Calculate 2*2.", revision=1)["component"]["revision"] == 1


def test_a_member_archived_since_stops_the_start_and_says_so(api: Any) -> None:
    crew = Crew("acme")
    agent = crew.agent("agent", SUMS)
    slug = crew.team("crew", "route", agent)
    with use_tenant(crew.ref):
        from agents.models import Agent

        Agent.objects.filter(slug=agent).update(is_archived=True)
    answer = api("acme").post(f"/teams/{slug}/runs", json={"input": "Hello"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":member_unpublished")


def test_a_team_of_other_roles_is_not_there_and_a_member_of_other_roles_is_refused(
    api: Any,
) -> None:
    crew = Crew("acme")
    secret = crew.agent("secret", SUMS, "calculator", roles=("owner",))
    closed = crew.team("closed", "route", secret, roles=("owner",))
    open_to_all = crew.team("open", "coordinate", secret)
    member, owner = api("acme"), api("acme", "owner")
    assert member.get(f"/teams/{closed}").status_code == 404
    assert closed not in [one["slug"] for one in member.get("/teams?limit=500").json()["items"]]
    answer = member.post(f"/teams/{closed}/runs", json={"input": "Calculate 2*2."})
    assert answer.status_code == 404
    assert run_team(owner, closed, "Calculate 2*2.")["status"] == "completed"
    run = run_team(member, open_to_all, "Calculate 2*2.")
    [told] = [one for one in steps(member, run["id"]) if one["kind"] == "delegation"]
    assert told["error"]["code"] == "not_allowed"
    assert "may not run secret" in run["output"]


def test_another_tenant_knows_nothing_of_a_team(api: Any) -> None:
    crew = Crew("acme")
    slug = crew.team("crew", "route", crew.agent("agent", SUMS, "calculator"))
    run = run_team(api("acme"), slug, "Calculate 2*2.")
    other = api("globex")
    for path in (f"/teams/{slug}", f"/runs/{run['id']}/tree"):
        assert other.get(path).status_code == 404


TOTAL = {"type": "object", "properties": {"total": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("fields", "contract", "place", "said"),
    [
        (
            {"rules": [{"check": "size(failed) =="}]},
            {},
            ["plan", "rules", 0, "check"],
            "Rule 1, column",
        ),
        (
            {"rules": [{"check": "true"}, {"check": "true", "member": "nobody"}]},
            {},
            ["plan", "rules", 1, "member"],
            "no member 'nobody'",
        ),
        ({"rules": [{"when": "true"}]}, {}, ["plan", "rules", 0, "check"], "Field required"),
        (
            {},
            {"output_schema": {"type": "nothing"}},
            ["members", 0, "output_schema"],
            "no JSON schema",
        ),
        (
            {},
            {"input_schema": {"type": "string"}},
            ["members", 0, "input_schema"],
            "has to be an object",
        ),
        ({"review_roles": ["nobody"]}, {}, ["plan", "review_roles"], "no role 'nobody'"),
    ],
)
def test_a_contract_that_is_wrong_is_refused_at_its_place(
    fields: dict[str, Any], contract: dict[str, Any], place: list[Any], said: str
) -> None:
    crew = Crew("acme")
    agent = crew.agent("agent", SUMS)
    slug = crew.draft("desk", "plan", agent, contracts={agent: contract}, **fields)
    problem = refused(crew, slug)
    assert said in problem.detail
    assert [error["loc"] for error in problem.errors] == [place]


def test_what_a_plan_is_made_by_is_shown_where_it_changed() -> None:
    crew = Crew("globex")
    agent = crew.agent("agent", SUMS)
    rules = [{"check": "size(failed) == 0", "why": "All of it."}]
    contracts = {agent: {"output_schema": TOTAL, "max_tokens": 5000}}
    slug = crew.team("desk", "plan", agent, rules=rules, contracts=contracts)
    with use_tenant(crew.ref):
        from agents.models import Team
        from agents.services.differences import differences
        from agents.services.publish_team import draft_spec
        from agents.specs import read_spec

        team = Team.objects.get(slug=slug)
        assert team.published is not None
        before = read_spec(team.published.spec)
        assert differences(before, draft_spec(team)) == []
        team.rules, team.rounds = [], 1
        changed = {one.label: one for one in differences(before, draft_spec(team))}
        first = {one.label: one.after for one in differences(None, before)}
    assert set(changed) == {"Rules", "Sent back at most"}
    assert "size(failed) == 0" in changed["Rules"].before
    assert 'answers {"properties": {"total"' in first["Members"]
    assert "at most 5,000 tokens" in first["Members"]
