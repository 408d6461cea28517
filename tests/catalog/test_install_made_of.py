"""Teams and workflows of the catalogue: installed behind what they are made of, never half."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.catalog import files
from agents.catalog.files import in_order, read, slugs
from agents.catalog.install import Outcome, install, install_each
from agents.models import Agent, Revision, Team, TeamMember
from agents.services.publish_team import publish_team
from agents.services.publish_workflow import publish_workflow
from agents.workflows.models import Workflow
from approvals.models import Grant
from config.errors import Invalid
from tenants.context import TenantRef, use_tenant
from tests.catalog.running import install_catalog

pytestmark = pytest.mark.django_db
TEAM = """kind = "team"
slug = "pair"
name = "Pair"
members = [{ slug = "assistant" }]
"""
FLOW = """kind: workflow
slug: flow
name: Flow
nodes:
  - id: ask
    kind: agent
    agent: assistant
    task: Go
"""


@pytest.fixture
def empty(acme: TenantRef) -> Iterator[TenantRef]:
    """acme as if it had never been given the catalogue."""
    with use_tenant(acme):
        Workflow.objects.all().delete()
        TeamMember.objects.all().delete()
        Team.objects.all().delete()
        Grant.objects.all().delete()
        Agent.objects.all().delete()
        yield acme


def outcomes() -> dict[str, str]:
    return {done.slug: str(done) for done in install_catalog()}


def test_what_something_is_made_of_comes_before_it() -> None:
    order = in_order(slugs())
    assert sorted(order) == slugs()
    for slug in order:
        for need in read(slug).needs:
            assert order.index(need) < order.index(slug)
    assert in_order(["emergency-dispatch"]) == [
        "emergency-assessment",
        "emergency-resources",
        "emergency-response",
        "emergency-dispatch",
    ]


def test_the_same_members_work_under_four_modes() -> None:
    for family, members in (
        ("research", ("analyst", "investigator", "writer")),
        ("investment", ("market", "financial", "technical", "risk")),
    ):
        for mode in ("coordinate", "route", "broadcast", "tasks"):
            spec: Any = read(f"{family}-{mode}").spec
            assert spec.mode == mode
            assert tuple(member.slug for member in spec.members) == members
            assert all(member.description for member in spec.members)


def test_everything_is_published_once_and_again_changes_nothing(empty: TenantRef) -> None:
    assert {done.outcome for done in install_catalog()} == {Outcome.INSTALLED}
    for slug in slugs():
        kind = read(slug).spec.kind
        assert Revision.objects.filter(kind=kind, slug=slug).order_by("-number").first()
    team = Team.objects.get(slug="emergency-response")
    assert team.published is not None and team.published.spec["plan"]["rounds"] == 1
    first = team.members.first()
    assert first is not None and first.output_schema["required"][0] == "incident_type"
    before = Revision.objects.count()
    assert {done.outcome for done in install_catalog()} == {Outcome.UNCHANGED}
    assert Revision.objects.count() == before


def test_a_team_or_workflow_that_the_tenant_made_its_own_is_left_alone(empty: TenantRef) -> None:
    install_catalog()
    Team.objects.filter(slug="pal").update(instructions="Ours.")
    TeamMember.objects.filter(team__slug="coda").last().delete()  # type: ignore[union-attr]
    route = Team.objects.get(slug="research-route")
    Team.objects.filter(pk=route.pk).update(description="Ours as well.")
    publish_team(None, route.pk, note="Ours")
    Workflow.objects.filter(slug="ai-research").update(is_archived=True)
    Workflow.objects.filter(slug="support-triage").update(name="Our triage")
    mine = Workflow.objects.get(slug="content-pipeline")
    Workflow.objects.filter(pk=mine.pk).update(description="Ours.")
    publish_workflow(None, mine.pk, note="Ours")
    told = outcomes()
    for slug, why in (
        ("pal", "its draft has been edited here"),
        ("coda", "its draft has been edited here"),
        ("research-route", "it has been edited and published here"),
        ("ai-research", "it is archived"),
        ("support-triage", "its draft has been edited here"),
        ("content-pipeline", "it has been edited and published here"),
    ):
        assert told[slug] == f"{slug}: left alone, {why}"
    assert told["research-tasks"] == "research-tasks: unchanged"
    assert Team.objects.get(slug="pal").instructions == "Ours."


def test_a_member_that_was_renamed_is_told_of_and_its_team_is_not_edited(empty: TenantRef) -> None:
    install_catalog()
    Agent.objects.filter(slug="writer").update(name="Our writer")
    told = outcomes()
    assert told["writer"].startswith("writer: left alone")
    assert told["research-route"] == "research-route: updated, its members are told of anew"
    team = Team.objects.get(slug="research-route")
    assert team.published is not None
    assert team.published.spec["members"][2]["name"] == "Our writer"
    assert outcomes()["research-route"] == "research-route: unchanged"


def test_an_untouched_one_follows_its_file(
    empty: TenantRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("assistant")
    copy = (files.FOLDER / "assistant.toml").read_text(encoding="utf-8")
    (tmp_path / "assistant.toml").write_text(copy, encoding="utf-8")
    (tmp_path / "pair.toml").write_text(TEAM, encoding="utf-8")
    (tmp_path / "flow.yaml").write_text(FLOW, encoding="utf-8")
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    assert outcomes() == {
        "assistant": "assistant: unchanged",
        "pair": "pair: installed",
        "flow": "flow: installed",
    }
    (tmp_path / "pair.toml").write_text(TEAM.replace('"Pair"', '"Two"'), encoding="utf-8")
    (tmp_path / "flow.yaml").write_text(FLOW.replace("task: Go", "task: Go on"), encoding="utf-8")
    told = outcomes()
    assert told["pair"] == "pair: updated, the catalogue has a newer one"
    assert told["flow"] == "flow: updated, the catalogue has a newer one"
    assert Team.objects.get(slug="pair").name == "Two"


def test_nothing_is_half_there_where_a_member_is_missing(empty: TenantRef) -> None:
    install("analyst")
    install("investigator")
    with pytest.raises(Invalid, match="needs the agent 'writer', which isn't here"):
        install("research-route")
    assert not Team.objects.exists()
    install("writer")
    Agent.objects.filter(slug="writer").update(is_archived=True)
    told = dict(install_each(["research-route", "content-pipeline"]))
    assert (
        isinstance(told["research-route"], Invalid) and "archived" in told["research-route"].detail
    )
    assert isinstance(told["content-pipeline"], Invalid)
    assert not Team.objects.exists() and not Workflow.objects.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "pair.toml",
            TEAM.replace("assistant", "nobody"),
            "members.0.slug: .* no component 'nobody'",
        ),
        ("pair.toml", TEAM.replace('slug = "assistant"', "name = 1"), "members.0: a member is"),
        ("pair.toml", TEAM.replace('"assistant"', '"pair"'), "members.0.slug: the team would hold"),
        ("pair.toml", TEAM + 'mode = "chorus"\n', "pair.toml: mode: "),
        ("pair.toml", TEAM + "[limits]\nturns = 0\n", "pair.toml: limits.turns: "),
        ("pair.toml", TEAM + "kind = 3\n", "pair.toml: .*line 5"),
        ("flow.yaml", FLOW.replace("task:", "taks:"), "flow.yaml: Line 8, column 5: .*taks"),
        ("flow.yaml", FLOW.replace("slug: flow", "slug: other"), "of the component 'other'"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, said: str
) -> None:
    copy = (files.FOLDER / "assistant.toml").read_text(encoding="utf-8")
    (tmp_path / "assistant.toml").write_text(copy, encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=said):
        read(Path(name).stem)
    with pytest.raises(CommandError, match=said):
        call_command("install_catalog", "--schema", "acme", Path(name).stem, stdout=StringIO())


def test_components_made_of_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        flow = FLOW.replace("slug: flow", f"slug: {one}").replace("kind: agent", "kind: workflow")
        flow = flow.replace("agent: assistant\n    task: Go", f"workflow: {other}")
        (tmp_path / f"{one}.yaml").write_text(flow, encoding="utf-8")
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="a → b → a"):
        in_order(["a"])


def test_the_command_brings_what_a_workflow_is_made_of(empty: TenantRef) -> None:
    out = StringIO()
    call_command("install_catalog", "--schema", "acme", "emergency-dispatch", stdout=out)
    assert out.getvalue().splitlines() == [
        "emergency-assessment: installed",
        "emergency-resources: installed",
        "emergency-response: installed",
        "emergency-dispatch: installed",
    ]
