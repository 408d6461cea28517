"""Grants in runs: conditions, limits of calls, lent duties, and a grant that is changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from approvals.models import Delegation, Grant
from tenants.accounts.models import Member
from tenants.context import use_tenant
from tests.approvals.making import Careful, decide, ended, waiting

pytestmark = pytest.mark.usefixtures("committed")
TENANTS = ("acme", "globex")
PAYING = {"when": 'args.text.contains("pay")', "tier": "admin", "why": "it is about money"}


def tool_steps(client: Any, run_id: str) -> list[dict[str, Any]]:
    steps = client.get(f"/runs/{run_id}/steps").json()["items"]
    return [step for step in steps if step["kind"] == "tool"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_condition_on_arguments_asks_for_some_calls_and_not_for_others(
    api: Any, tenant: str
) -> None:
    agent = Careful(tenant, {"create_note": {"tier": "free", "conditions": [PAYING]}}).make()
    member = api(tenant, "member")
    done = member.run(f"Create a note saying hello {agent.slug}", slug=agent.slug)
    assert done["status"] == "completed" and len(agent.notes(agent.slug)) == 1
    run = member.run(f"Create a note saying pay {agent.slug}", slug=agent.slug)
    assert run["status"] == "paused"
    (asked,) = waiting(api(tenant, "approver"), run["id"])
    assert asked["tier"] == "admin" and asked["why"].endswith("it is about money.")
    assert decide(api(tenant, "approver"), asked["id"], "reject").status_code == 200


def test_a_consent_to_edited_arguments_is_no_sign_off(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "user", "conditions": [PAYING]}}).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying hello {agent.slug}", slug=agent.slug)
    (asked,) = waiting(member, run["id"])
    assert asked["tier"] == "user"
    paying = {"text": f"pay {agent.slug}"}
    assert decide(member, asked["id"], "approve", arguments=paying).status_code == 200
    (again,) = waiting(approver, run["id"])
    assert again["id"] != asked["id"]
    assert (again["tier"], again["arguments"]) == ("admin", paying)
    assert agent.notes(agent.slug) == []
    assert decide(member, again["id"], "approve").status_code == 403
    assert decide(approver, again["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"
    assert agent.notes(agent.slug) == [paying["text"]]


def test_a_call_beyond_its_limits_is_refused_and_the_model_is_told(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"calls_per_hour": 1}}).make()
    member = api("acme", "member")
    runs = [member.run(f"Create a note saying {agent.slug}", slug=agent.slug) for _ in range(2)]
    assert len(agent.notes(agent.slug)) == 1
    refused, *_ = tool_steps(member, runs[1]["id"])  # the model may try again, in vain
    assert refused["error"]["code"] == "not_allowed"
    assert "once an hour for each member" in refused["output"]["text"]
    other = api("acme", "builder").run(f"Create a note saying {agent.slug}", slug=agent.slug)
    assert other["status"] == "completed" and len(agent.notes(agent.slug)) == 2


def test_a_changed_grant_holds_at_the_next_call(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "free"}}).make()
    member = api("acme", "member")
    text = f"Create a note saying {agent.slug}"
    assert member.run(text, slug=agent.slug)["status"] == "completed"
    with use_tenant(agent.ref):
        grant = Grant.objects.get(agent__slug=agent.slug)
        grant.tier = "admin"
        grant.save()
    run = member.run(text, slug=agent.slug)
    assert run["status"] == "paused" and len(agent.notes(agent.slug)) == 1
    member.post(f"/runs/{run['id']}/cancel")


def test_a_substitute_sees_and_decides_what_the_lender_may(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin", "quorum": 2}}).make()
    member, substitute = api("acme", "member"), api("acme", "operator")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    (asked,) = waiting(api("acme", "approver"), run["id"])
    assert substitute.get(f"/approvals/{asked['id']}").status_code == 404
    now = timezone.now()
    with use_tenant(agent.ref):
        lent = Delegation.objects.create(
            approver=Member.objects.get(username="approver"),
            substitute=Member.objects.get(username="operator"),
            begins_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=1),
        )
    try:
        assert decide(substitute, asked["id"], "approve").status_code == 200
        # One voice: the lender's own doesn't make it two.
        assert decide(api("acme", "approver"), asked["id"], "approve").status_code == 409
        assert agent.notes(agent.slug) == []
        assert decide(api("acme", "owner"), asked["id"], "approve").status_code == 200
        assert ended(member, run["id"])["status"] == "completed"
        assert len(agent.notes(agent.slug)) == 1
    finally:
        with use_tenant(agent.ref):
            lent.delete()
