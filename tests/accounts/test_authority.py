"""Authority follows the member as they are now, whatever their token says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tenants.accounts.models import Member
from tenants.context import TenantRef, use_shared, use_tenant
from tenants.models import Tenant
from tests.api.test_auth import is_problem
from tests.support.client import Api
from tests.support.server import Server

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def acme_ref(committed: None) -> TenantRef:
    with use_shared():
        return Tenant.objects.get(schema_name="acme").ref


@pytest.fixture
def temporary(acme_ref: TenantRef) -> Iterator[str]:
    """A member of acme with the role member, gone afterwards."""
    with use_tenant(acme_ref):
        member = Member.objects.create_user("temporary", "demo-demo")
        member.groups.add(Group.objects.get(name="member"))
    yield "temporary"
    with use_tenant(acme_ref):
        Member.objects.filter(username="temporary").delete()


def test_a_suspended_members_token_and_password_are_no_good(
    server: Server, acme_ref: TenantRef, temporary: str
) -> None:
    client = Api.signed_in(server, "acme", temporary)
    assert client.get("/me").status_code == 200
    with use_tenant(acme_ref):
        Member.objects.filter(username=temporary).update(is_active=False)
    is_problem(client.get("/me"), 401, "member_inactive")
    again = client.post("/auth/token", json={"username": temporary, "password": "demo-demo"})
    is_problem(again, 401, "bad_credentials")


def test_a_role_that_is_taken_away_takes_its_scopes_from_tokens_at_once(
    server: Server, acme_ref: TenantRef, temporary: str
) -> None:
    client = Api.signed_in(server, "acme", temporary)
    assert client.run("What is 1+1?")["status"] == "completed"
    with use_tenant(acme_ref):
        Member.objects.get(username=temporary).groups.clear()
    is_problem(client.get("/me"), 403, "scope_missing")
    is_problem(client.post("/agents/assistant/runs", json={"input": "x"}), 403, "scope_missing")


def test_a_suspended_tenant_is_not_served(server: Server, api: Any) -> None:
    client = api("globex")
    with use_shared():
        tenant = Tenant.objects.get(schema_name="globex")
        tenant.state = Tenant.State.SUSPENDED
        tenant.save()
    try:
        is_problem(client.get("/me"), 403, "tenant_suspended")
        assert api("acme").get("/me").status_code == 200
    finally:
        with use_shared():
            tenant.state = Tenant.State.ACTIVE
            tenant.save()
    assert client.get("/me").status_code == 200


def test_an_agent_for_some_roles_exists_for_no_other(
    server: Server, api: Any, acme_ref: TenantRef
) -> None:
    from agents.models import Agent
    from agents.services.publish_agent import publish_agent

    with use_tenant(acme_ref):
        agent = Agent.objects.create(name="For builders", slug="for-builders")
        agent.run_roles.set(Group.objects.filter(name="builder"))
        publish_agent(None, agent.pk)
    try:
        assert api("acme", "builder").run("Hello", slug="for-builders")["status"] == "completed"
        is_problem(api("acme").get("/agents/for-builders"), 404, "unknown_component")
        slugs = {item["slug"] for item in api("acme").get("/agents?limit=500").json()["items"]}
        assert "for-builders" not in slugs
        answer = api("acme").post("/agents/for-builders/runs", json={"input": "Hello"})
        is_problem(answer, 404, "unknown_component")
        with use_tenant(acme_ref):
            Agent.objects.create(name="A draft", slug="a-draft")
        for who, status, code in (
            ("member", 404, "unknown_component"),
            ("builder", 409, "not_published"),
        ):
            answer = api("acme", who).post("/agents/a-draft/runs", json={"input": "Hello"})
            is_problem(answer, status, code)
    finally:
        with use_tenant(acme_ref):
            Agent.objects.filter(slug="for-builders").update(is_archived=True)
            Agent.objects.filter(slug="a-draft").delete()
