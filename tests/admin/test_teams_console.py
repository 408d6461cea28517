"""Teams in the console: written with their members, compared, published, archived; their runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.console import Console, words
from tests.teams.making import NOTES, SUMS, Crew, run_team, tree

Consoles = Callable[..., Console]
pytestmark = pytest.mark.usefixtures("committed")
NEW = {
    "description": "Made by a test",
    "mode": "coordinate",
    "at_once": "4",
    "instructions": "Be fair.",
    "model": "default",
    "history_runs": "5",
    "max_turns": "4",
    "max_tokens": "9000",
    "max_seconds": "60",
    "rounds": "2",
    "rejections": "2",
    "most_steps": "20",
}


def pk_of(crew: Crew, slug: str) -> str:
    from agents.models import Agent
    from tenants.context import use_tenant

    with use_tenant(crew.ref):
        return str(Agent.objects.get(slug=slug).pk)


def members(*agents: str) -> dict[str, Any]:
    rows: dict[str, Any] = {
        "members-TOTAL_FORMS": str(len(agents)),
        "members-INITIAL_FORMS": "0",
        "members-MIN_NUM_FORMS": "0",
        "members-MAX_NUM_FORMS": "1000",
    }
    for at, agent in enumerate(agents):
        rows |= {f"members-{at}-position": str(at), f"members-{at}-agent": agent}
    return rows


def create(console: Console, slug: str, *agents: str, **fields: Any) -> str:
    """A new draft; its change page."""
    given = {**NEW, "name": slug, "slug": slug, "_continue": "1", **members(*agents), **fields}
    answer = console.post("/admin/agents/team/add/", given)
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"]


def test_a_team_is_published_after_its_differences_were_shown(console: Consoles) -> None:
    crew = Crew("acme")
    one, two = crew.agent("one", SUMS, "calculator"), crew.agent("two", NOTES, "create_note")
    builder, slug = console("acme", "builder"), f"crew-{crew.mark}"
    path = create(builder, slug, pk_of(crew, two), pk_of(crew, one))
    publishing = path.replace("/change/", "/publish/")
    page = builder.page(publishing)
    assert "The first revision, r1" in page
    # In their order, with what the leader is told of them.
    assert page.index(f"(agent {two})") < page.index(f"(agent {one})")
    assert f"{slug} r1 is published" in builder.told(builder.post(publishing, {"note": "First"}))
    listed = builder.page(f"/admin/agents/team/?q={slug}")
    assert "r1" in listed and "two, one" in listed and "Coordinate" in listed
    fields = builder.fields(path)
    assert "slug" not in fields
    assert builder.post(path, {**fields, "mode": "route", "_save": "1"}).status_code == 302
    assert "unpublished changes" in builder.page(f"/admin/agents/team/?q={slug}")
    assert "What changes from r1 to r2" in builder.page(publishing)
    assert "r2 is published" in builder.told(builder.post(publishing, {"note": ""}))
    revisions = builder.page(f"/admin/agents/revision/?slug={slug}")
    assert "r1" in revisions and "r2" in revisions
    archived = builder.post(path.replace("/change/", "/archive/"))
    assert f"{slug} is archived" in builder.told(archived)


def test_a_draft_whose_member_is_not_published_says_so_before_it_is_published(
    console: Consoles,
) -> None:
    crew = Crew("acme")
    draft = crew.agent("unready", SUMS, published=False)
    builder = console("acme", "builder")
    path = create(builder, f"crew-{crew.mark}", pk_of(crew, draft))
    page = builder.page(path.replace("/change/", "/publish/"))
    assert "can't be published yet" in page and "unready is not published" in page


def test_a_row_that_names_no_member_is_refused_and_nothing_is_saved(console: Consoles) -> None:
    crew = Crew("acme")
    builder, slug = console("acme", "builder"), f"crew-{crew.mark}"
    wrong = {**NEW, "name": slug, "slug": slug, **members("", "")}
    answer = builder.post("/admin/agents/team/add/", {**wrong, "members-1-position": "9"})
    assert answer.status_code == 200 and "Name an agent or a team" in words(answer.text)
    assert slug not in builder.page(f"/admin/agents/team/?q={slug}").partition("results")[2]


def test_a_run_s_page_leads_to_the_runs_of_its_members_and_back(
    console: Consoles, api: Any
) -> None:
    crew = Crew("globex")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("desk", "route", counter)
    run = run_team(api("globex"), slug, "Calculate 17*23.")
    [child] = tree(api("globex"), run["id"])["children"]
    operator = console("globex", "operator")
    page = operator.get(f"/admin/agents/run/{run['id']}/change/").text
    assert f"/admin/agents/run/{child['id']}/change/" in page and "delegation" in page
    below = operator.get(f"/admin/agents/run/{child['id']}/change/").text
    assert f"/admin/agents/run/{run['id']}/change/" in below
    listed = operator.page(f"/admin/agents/run/?q={child['id']}")
    assert child["id"] in listed
    assert child["id"] not in operator.page("/admin/agents/run/")


def test_who_may_not_write_teams_sees_them_and_changes_nothing(console: Consoles) -> None:
    crew = Crew("acme")
    slug = crew.team("crew", "route", crew.agent("one", SUMS))
    from agents.models import Team
    from tenants.context import use_tenant

    with use_tenant(crew.ref):
        pk = Team.objects.get(slug=slug).pk
    auditor = console("acme", "auditor")
    assert slug in auditor.page(f"/admin/agents/team/{pk}/change/")
    for path in (f"{pk}/publish/", f"{pk}/archive/", "add/"):
        assert auditor.get(f"/admin/agents/team/{path}").status_code == 403


def test_a_team_goes_back_to_an_earlier_revision_and_its_draft_too(console: Consoles) -> None:
    from tests.admin.test_agents_console import publish

    crew = Crew("globex")
    one, two = crew.agent("one", SUMS, "calculator"), crew.agent("two", NOTES, "create_note")
    builder, slug = console("globex", "builder"), f"crew-{crew.mark}"
    path = create(builder, slug, pk_of(crew, one))
    publish(builder, path)
    fields = builder.fields(path) | {"members-0-agent": pk_of(crew, two), "instructions": "Hurry."}
    builder.post(path, {**fields, "_save": "1"})
    publish(builder, path, "in a hurry")
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    pages = re.findall(r"/admin/agents/revision/\d+/change/", listed)
    first = min(pages, key=lambda page: int(page.split("/")[4]))
    back = first.replace("/change/", "/back/")
    assert "Be fair." in builder.page(back)
    told = builder.told(builder.post(back, {"note": "too fast", "draft": "yes"}))
    assert "published as r3" in told
    fields = builder.fields(path)
    assert fields["instructions"] == "Be fair." and fields["members-0-agent"] == pk_of(crew, one)
    assert "Nothing would change" in builder.page(back)


def test_going_back_to_members_that_can_t_run_any_more_is_refused(console: Consoles) -> None:
    from tests.admin.test_agents_console import publish

    crew = Crew("acme")
    one, two = crew.agent("one", SUMS, "calculator"), crew.agent("two", NOTES, "create_note")
    builder, slug = console("acme", "builder"), f"crew-{crew.mark}"
    path = create(builder, slug, pk_of(crew, one))
    publish(builder, path)
    fields = builder.fields(path) | {"members-0-agent": pk_of(crew, two)}
    builder.post(path, {**fields, "_save": "1"})
    publish(builder, path)
    builder.post(f"/admin/agents/agent/{pk_of(crew, one)}/archive/")
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    pages = re.findall(r"/admin/agents/revision/\d+/change/", listed)
    first = min(pages, key=lambda page: int(page.split("/")[4]))
    answer = builder.post(first.replace("/change/", "/back/"))
    assert answer.status_code == 200 and "one is archived" in words(answer.text)


def test_a_team_is_tried_in_the_chat_and_a_revision_of_it_as_a_run(console: Consoles) -> None:
    crew = Crew("acme")
    slug = crew.team("desk", "route", crew.agent("counter", SUMS, "calculator"))
    builder = console("acme", "builder")
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    [page] = set(re.findall(r"/admin/agents/revision/\d+/change/", listed))
    answer = builder.post(page.replace("/change/", "/try/"), {"input": "Calculate 6*7."})
    assert answer.status_code == 302 and "/admin/agents/run/" in answer.headers["location"]
    teams = builder.get(f"/admin/agents/team/?q={slug}").text
    [path] = set(re.findall(r"/admin/agents/team/\d+/", teams))
    tried = builder.get(f"{path}try/")
    assert tried.status_code == 302 and tried.headers["location"] == f"/teams/{slug}/"
    assert "Members of the team" in builder.get(f"/teams/{slug}/").text


def test_rules_and_contracts_are_checked_when_they_are_written(console: Consoles, api: Any) -> None:
    from tests.admin.test_agents_console import publish

    crew = Crew("acme")
    builder, slug = console("acme", "builder"), f"desk-{crew.mark}"
    counter = crew.agent("counter", SUMS, "calculator")
    given = {**NEW, "name": slug, "slug": slug, "mode": "plan", "_continue": "1"}
    given |= members(pk_of(crew, counter))
    wrong = {"rules": '[{"check": "size(fail) == 0"}]', "members-0-output_schema": '{"type": 1}'}
    answer = builder.post("/admin/agents/team/add/", {**given, **wrong})
    assert answer.status_code == 200
    said = words(answer.text)
    assert "Rule 1, column 6: fail is not known" in said and "It is no JSON schema" in said
    total = '{"type": "object", "properties": {"total": {"type": "integer"}}}'
    right = {
        "rules": f'[{{"check": "size(failed) == 0", "why": "All.", "member": "{counter}"}}]',
        "members-0-output_schema": total,
        "members-0-max_tokens": "5000",
        "review_roles": "approver",
    }
    answer = builder.post("/admin/agents/team/add/", {**given, **right})
    assert answer.status_code == 302, words(answer.text)
    path = answer.headers["location"]
    asked = builder.page(path.replace("/change/", "/publish/"))
    for shown in ("size(failed) == 0", '"total"', "at most 5,000 tokens", "approver"):
        assert shown in asked
    publish(builder, path)
    run = run_team(api("acme"), slug, "Calculate 6*7.")
    assert run["status"] == "completed" and "42" in run["output"]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_budgets_of_a_stage_and_of_a_member_are_written_compared_and_published(
    console: Consoles, api: Any, tenant: str
) -> None:
    from tests.admin.test_agents_console import publish

    crew = Crew(tenant)
    builder, slug = console(tenant, "builder"), f"desk-{crew.mark}"
    counter = crew.agent("counter", SUMS, "calculator")
    spare = crew.agent("spare", "Stands in.", "calculator")
    given = {**NEW, "name": slug, "slug": slug, "_continue": "1"}
    given |= members(pk_of(crew, counter), pk_of(crew, spare))
    budgets = {
        "max_seconds": "59.5",
        "max_cost": "1.50",
        "stage_seconds": "20.25",
        "stage_tokens": "4000",
        "members-0-max_seconds": "0.001",
        "members-0-max_cost": "0.25",
        "members-0-fallback": spare,
    }
    below = {"stage_seconds": "0", "members-0-max_cost": "-1"}
    refused = builder.post("/admin/agents/team/add/", {**given, **budgets, **below})
    assert refused.status_code == 200
    assert "greater than or equal to 0.001" in words(refused.text)
    made = builder.post("/admin/agents/team/add/", {**given, **budgets})
    assert made.status_code == 302, words(made.text)
    path = made.headers["location"]
    fields = builder.fields(path)
    assert (fields["stage_seconds"], fields["max_seconds"]) == ("20.25", "59.5")
    publish(builder, path)
    assert builder.post(path, {**fields, "_save": "1"}).status_code == 302
    assert "unpublished changes" not in builder.page(f"/admin/agents/team/?q={slug}")
    shown = api(tenant).get(f"/teams/{slug}").json()
    assert shown["stage"] == {"seconds": 20.25, "tokens": 4000}
    assert shown["limits"]["cost"] == "1.5" and shown["limits"]["seconds"] == 59.5
    place = shown["members"][0]
    assert (place["seconds"], place["cost"], place["fallback"]) == (0.001, "0.25", spare)
    # A thousandth of a second is too little for anybody: who stands in answers.
    run = run_team(api(tenant), slug, "Calculate 6*7.")
    assert run["status"] == "completed" and "42" in run["output"], run
    fields |= {"members-0-fallback": "nobody"}
    assert builder.post(path, {**fields, "_save": "1"}).status_code == 302
    asked = builder.page(path.replace("/change/", "/publish/"))
    assert "can't fall back on" in asked and "nobody" in asked
