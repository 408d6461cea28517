"""The catalogue in a tenant: installed once, followed while untouched, never over the tenant's."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.catalog import files
from agents.catalog.files import read, slugs
from agents.catalog.install import Outcome, install
from agents.desk.models import Customer, Service
from agents.models import Agent, Revision, Team, TeamMember
from agents.services.publish_agent import publish_agent
from agents.specs import AgentSpec
from agents.tools import registry
from agents.workflows.models import Workflow
from approvals.models import Grant, Tier
from tenants.context import TenantRef, use_tenant
from tests.catalog.running import install_catalog

pytestmark = pytest.mark.django_db
SHOWN = ("helpdesk", "approvals", "feedback")


@pytest.fixture
def empty(acme: TenantRef) -> Iterator[TenantRef]:
    """acme as if it had never been given the catalogue."""
    with use_tenant(acme):
        Workflow.objects.all().delete()
        TeamMember.objects.all().delete()
        Team.objects.all().delete()
        Grant.objects.all().delete()
        Agent.objects.all().delete()
        Customer.objects.all().delete()
        Service.objects.all().delete()
        yield acme


def outcome(slug: str) -> Outcome:
    return install(slug).outcome


def test_every_file_is_right_and_names_tools_that_there_are() -> None:
    assert set(SHOWN) | {"assistant"} <= set(slugs())
    for slug in slugs():
        file = read(slug)
        if isinstance(file.spec, AgentSpec):
            for name in file.spec.tools:
                assert registry.get(name)
        for grant in file.grants:
            assert Tier(grant.tier).rank >= Tier(registry.get(grant.tool).tier).rank, grant.tool


def test_installing_publishes_grants_and_gives_something_to_work_on(empty: TenantRef) -> None:
    assert {done.outcome for done in install_catalog()} == {Outcome.INSTALLED}
    for slug in (one for one in slugs() if read(one).spec.kind == "agent"):
        agent = Agent.objects.get(slug=slug)
        assert agent.published is not None and agent.published.spec["tools"] == agent.tools
        assert agent.grants.count() == len(read(slug).grants)
    refund = Grant.objects.get(agent__slug="approvals", tool="process_refund")
    assert (refund.tier, refund.decider_roles) == ("admin", ["approver", "owner"])
    deletion = Grant.objects.get(tool="delete_user_account")
    assert deletion.quorum == 2
    assert Service.objects.count() == 4 and Customer.objects.count() == 4


def test_installing_again_changes_nothing(empty: TenantRef) -> None:
    install_catalog()
    Service.objects.filter(name="mail").delete()
    Grant.objects.filter(tool="process_refund").update(tier="user")
    revisions = Revision.objects.count()
    assert {done.outcome for done in install_catalog()} == {Outcome.UNCHANGED}
    assert Revision.objects.count() == revisions
    assert Grant.objects.get(tool="process_refund").tier == "user"
    assert not Service.objects.filter(name="mail").exists()


def test_what_the_tenant_edited_is_left_alone_and_told(empty: TenantRef) -> None:
    install_catalog()
    Agent.objects.filter(slug="helpdesk").update(instructions="Ours.")
    Agent.objects.filter(slug="feedback").update(is_archived=True)
    approvals = Agent.objects.get(slug="approvals")
    Agent.objects.filter(pk=approvals.pk).update(instructions="Ours as well.")
    publish_agent(None, approvals.pk, note="Ours")
    Grant.objects.all().delete()
    told = {done.slug: str(done) for done in install_catalog()}
    assert "left alone, its draft has been edited" in told["helpdesk"]
    assert "left alone, it is archived" in told["feedback"]
    assert "left alone, it has been edited and published" in told["approvals"]
    assert Agent.objects.get(slug="helpdesk").instructions == "Ours."
    touched = ("helpdesk", "feedback", "approvals")
    assert not Grant.objects.filter(agent__slug__in=touched).exists()


def test_an_untouched_component_follows_the_catalogue(
    empty: TenantRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("feedback")
    first = Revision.objects.filter(slug="feedback").count()
    text = (files.FOLDER / "feedback.toml").read_text(encoding="utf-8")
    newer = text.replace('name = "Feedback"', 'name = "Feedback form"')
    (tmp_path / "feedback.toml").write_text(newer, encoding="utf-8")
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    assert outcome("feedback") is Outcome.UPDATED
    agent = Agent.objects.get(slug="feedback")
    assert agent.published is not None
    assert (agent.name, agent.published.number) == ("Feedback form", first + 1)
    assert outcome("feedback") is Outcome.UNCHANGED


def test_a_file_that_is_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    head = 'slug = "x"\nname = "X"\ntools = ["calculator"]\n'
    for text, said in (
        (head + "colour = 1\n", "x.toml"),
        (head.replace('"x"', '"y"'), "of the component 'y'"),
        (head + '[[grants]]\ntool = "create_note"\ntier = "user"\n', "create_note"),
        (head + '[[grants]]\ntool = "calculator"\ntier = "often"\n', "tier"),
    ):
        (tmp_path / "x.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            read("x")


def command(*args: Any) -> str:
    out = StringIO()
    call_command("install_catalog", *args, stdout=out)
    return out.getvalue()


def test_the_command_installs_in_one_tenant(empty: TenantRef, globex: TenantRef) -> None:
    with use_tenant(globex):
        before = Revision.objects.count()
    told = command("--schema", "acme", "helpdesk")
    assert told == "helpdesk: installed\n"
    assert command("--schema", "acme", "helpdesk") == "helpdesk: unchanged\n"
    with use_tenant(empty):
        assert set(Agent.objects.values_list("slug", flat=True)) == {"helpdesk"}
    with use_tenant(globex):
        assert Revision.objects.count() == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--schema", "acme", "nothing"), "no component 'nothing'; it has ai-research, analyst"),
        (("--schema", "nowhere"), "nowhere"),
        (("--schema", "platform"), "runs no agents"),
    ],
)
def test_the_command_says_what_is_wrong(acme: TenantRef, args: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        command(*args)
