"""A run that waits outlives its server, and the clock decides when nobody does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants.context import use_shared, use_tenant
from tests.approvals.making import Careful, decide, ended, waiting
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("committed")


def let_pass(agent: Careful, run_id: str) -> None:
    """The time until the run's open approvals expire has passed."""
    past = timezone.now() - timedelta(seconds=1)
    with use_tenant(agent.ref):
        from agents.models import Step
        from approvals.models import Approval

        Approval.objects.filter(run=run_id, status="waiting").update(expires_at=past)
        for step in Step.objects.filter(run=run_id, status="waiting"):
            step.asked[-1]["expires_at"] = past.isoformat()
            step.save(update_fields=["asked"])
    with use_shared():
        from agents.tickets.models import Paused

        Paused.objects.filter(run_id=run_id).update(due_at=past)


def parked(run_id: str) -> int:
    with use_shared():
        from agents.tickets.models import Paused, Ticket

        assert not Ticket.objects.filter(run_id=run_id).exists()
        return Paused.objects.filter(run_id=run_id).count()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_paused_run_survives_its_server_and_the_effect_is_there_once(kind: str) -> None:
    with Server.started(kind=kind) as server:
        runs = {}
        for tenant in ("acme", "globex"):
            agent = Careful(tenant, {"create_note": {"tier": "admin"}}).make()
            member = Api.signed_in(server, tenant, "member")
            runs[agent] = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)["id"]
            assert until(lambda agent=agent: parked(runs[agent])) == 1
        server.kill()
        server.start()
        for agent, run_id in runs.items():
            approver = Api.signed_in(server, agent.tenant, "approver")
            [asked] = waiting(approver, run_id)
            assert decide(approver, asked["id"], "approve").status_code == 200
            # The next server finds what the killed one had just been given.
            server.kill()
            server.start()
            member = Api.signed_in(server, agent.tenant, "member")
            assert ended(member, run_id)["status"] == "completed"
            assert len(agent.notes(agent.slug)) == 1


def test_what_nobody_decides_is_refused_when_its_time_is_over(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin"}}).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    let_pass(agent, run["id"])
    late = decide(approver, asked["id"], "approve")
    assert late.status_code == 409 and late.json()["type"].endswith(":approval_expired")
    assert ended(member, run["id"])["status"] == "completed"
    assert approver.get(f"/approvals/{asked['id']}").json()["status"] == "expired"
    steps = member.get(f"/runs/{run['id']}/steps").json()["items"]
    assert [step["error"]["code"] for step in steps if step["kind"] == "tool"] == ["expired"]
    assert agent.notes(agent.slug) == []


def test_an_approval_that_escalates_is_for_the_other_role_from_then_on(api: Any) -> None:
    grant = {
        "tier": "admin",
        "decider_roles": ["approver"],
        "on_expiry": "escalate",
        "escalate_to": "owner",
    }
    agent = Careful("globex", {"create_note": grant}).make()
    member, approver, owner = (api("globex", name) for name in ("member", "approver", "owner"))
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    assert decide(owner, asked["id"], "approve").status_code == 403
    let_pass(agent, run["id"])
    until(lambda: approver.get(f"/approvals/{asked['id']}").json()["escalated_at"])
    until(lambda: member.get(f"/runs/{run['id']}").json()["status"] == "paused")
    assert decide(approver, asked["id"], "approve").status_code == 403
    assert decide(owner, asked["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"
    assert len(agent.notes(agent.slug)) == 1


def test_waiting_does_not_use_up_the_runs_own_time(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin"}}).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    with use_tenant(agent.ref):
        from agents.models import Run

        row = Run.objects.get(pk=run["id"])
        row.paused_at -= timedelta(days=3)
        row.deadline_at -= timedelta(days=3)
        row.save(update_fields=["paused_at", "deadline_at"])
    assert decide(approver, asked["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"


def test_a_quorum_counts_people_and_the_same_arguments(api: Any) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin", "quorum": 2}}).make()
    member, approver, owner = (api("acme", name) for name in ("member", "approver", "owner"))
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    first = decide(approver, asked["id"], "approve")
    assert first.status_code == 200 and first.json()["status"] == "waiting"
    again = decide(approver, asked["id"], "approve")
    assert again.status_code == 409 and again.json()["type"].endswith(":already_decided")
    assert decide(owner, asked["id"], "approve").json()["status"] == "approved"
    assert ended(member, run["id"])["status"] == "completed"
    assert len(agent.notes(agent.slug)) == 1


def test_a_member_confirms_what_their_own_run_asks_of_them(api: Any) -> None:
    agent = Careful("globex", {"create_note": {"tier": "user"}}).make()
    member, approver = api("globex", "member"), api("globex", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(member, run["id"])
    assert decide(approver, asked["id"], "approve").status_code == 403
    assert decide(member, asked["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"
    assert len(agent.notes(agent.slug)) == 1
