"""Comparing revisions and going back to one, by the API; what runs are told of their prompt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agents.ids import uuid7
from agents.models import Agent, PromptSetting
from agents.runtime.variables import tell_changed
from agents.services.publish_agent import publish_agent
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.api.test_auth import is_problem
from tests.models_llm.openai_server import OpenAIServer
from tests.support.client import Api

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def refs(committed: None) -> dict[str, TenantRef]:
    with use_shared():
        return {tenant.schema_name: tenant.ref for tenant in Tenant.objects.all()}


@contextmanager
def published(ref: TenantRef, *instructions: str) -> Iterator[str]:
    """The slug of an agent with a revision for each of these instructions; archived afterwards."""
    slug = f"rolling-{str(uuid7())[-8:]}"
    with use_tenant(ref):
        agent = Agent.objects.create(name="Rolling", slug=slug)
    for text in instructions:
        with use_tenant(ref):
            agent.instructions = text
            agent.save()
            publish_agent(None, agent.pk)
    yield slug
    with use_tenant(ref):
        Agent.objects.filter(slug=slug).update(is_archived=True)


def test_going_back_publishes_the_old_spec_under_a_new_number(
    refs: dict[str, TenantRef], api: Any
) -> None:
    builder, other = api("acme", "builder"), api("globex", "builder")
    with published(refs["acme"], "One.", "Two.") as slug:
        path = f"/agents/{slug}"
        first = builder.get(f"{path}/revisions/1").json()
        answer = builder.post(f"{path}/rollback", json={"revision": 1, "note": "Two was worse."})
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert (made["number"], made["digest"]) == (3, first["digest"])
        assert made["note"] == "Back to r1. Two was worse."
        assert builder.run("Hello", slug=slug)["component"]["revision"] == 3
        assert builder.run("Hello", slug=slug, revision=2)["component"]["revision"] == 2
        with use_tenant(refs["acme"]):
            assert Agent.objects.get(slug=slug).instructions == "Two."  # the draft stays
        is_problem(builder.post(f"{path}/rollback", json={"revision": 3}), 409, "same_revision")
        is_problem(builder.post(f"{path}/rollback", json={"revision": 9}), 404, "unknown_revision")
        is_problem(
            api("acme", "member").post(f"{path}/rollback", json={"revision": 2}),
            403,
            "scope_missing",
        )
        is_problem(other.post(f"{path}/rollback", json={"revision": 2}), 404, "unknown_component")
        again = builder.post(f"{path}/rollback", json={"revision": 2, "draft": True}).json()
        assert again["number"] == 4


def test_an_old_revision_whose_tools_are_gone_is_refused(
    refs: dict[str, TenantRef], api: Any
) -> None:
    from agents.models import Revision

    builder = api("acme", "builder")
    with published(refs["acme"], "One.") as slug:
        with use_tenant(refs["acme"]):
            spec = Revision.objects.get(slug=slug).spec
            Revision.objects.create(
                kind="agent", slug=slug, number=2, digest="0" * 64, spec=spec | {"tools": ["fax"]}
            )
        refused = builder.post(f"/agents/{slug}/rollback", json={"revision": 2})
        is_problem(refused, 422, "tools_gone")
        assert "fax" in refused.json()["detail"]


def test_two_revisions_are_compared_field_by_field(refs: dict[str, TenantRef], api: Any) -> None:
    client: Api = api("acme", "member")
    with published(refs["acme"], "One.", "One.\nTwo.", "Three.") as slug:
        path = f"/agents/{slug}/revisions"
        shown = client.get(f"{path}/3").json()
        assert shown["against"] == 2
        assert [change["field"] for change in shown["changes"]] == ["Instructions"]
        lines = client.get(f"{path}/2?against=1").json()["changes"][0]["lines"]
        assert lines == ["  One.", "+ Two."]
        assert client.get(f"{path}/1").json()["against"] is None
        is_problem(client.get(f"{path}/1?against=9"), 404, "unknown_revision")
        is_problem(client.get(f"{path}/9"), 404, "unknown_revision")


def test_a_prompt_has_the_values_of_its_tenant_and_member(
    refs: dict[str, TenantRef], model_server: OpenAIServer, model_api: Any
) -> None:
    for slug, tone in (("acme", "warm"), ("globex", "dry")):
        client: Api = model_api(slug)
        ref = refs[slug]
        with use_tenant(ref):
            PromptSetting.objects.update_or_create(key="tone", defaults={"value": tone})
            tell_changed()
        with published(ref, "Be {{ settings.tone }} to {{ member.username }}.") as agent:
            run = client.run("Hello", slug=agent)
            told = model_server.requests[-1].body["messages"][0]
            assert told == {"role": "system", "content": f"Be {tone} to member."}
            with use_tenant(ref):
                PromptSetting.objects.filter(key="tone").update(value="new")
                tell_changed()
            client.run("Hello", slug=agent)
            assert model_server.requests[-1].body["messages"][0]["content"].startswith("Be new")
            steps = client.get(f"/runs/{run['id']}/steps").json()["items"]
            assert steps[0]["input"]["variables"]["settings.tone"] == tone
        with use_tenant(ref):
            PromptSetting.objects.filter(key="tone").delete()
            tell_changed()
