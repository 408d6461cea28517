"""Members that wait for people: several at once, at any depth, decided in any order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
ADMIN = {"create_note": {"tier": "admin"}}


def by_component(asked: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["component"]["slug"]: one for one in asked}


def paused_again(client: Api, run_id: str, still: int) -> None:
    """The tree went on by a decision, and waits for what is left."""
    until(lambda: client.get(f"/runs/{run_id}").json()["status"], lambda now: now == "paused")
    until(
        lambda: len(waiting(client, run_id, still)),
        lambda number: number == still,
    )


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("edited_first", [True, False])
def test_two_members_wait_at_once_and_are_decided_in_either_order(
    api: Any, tenant: str, edited_first: bool
) -> None:
    crew = Crew(tenant)
    one = crew.agent("one", NOTES, "create_note", grants=ADMIN)
    two = crew.agent("two", NOTES, "create_note", grants=ADMIN)
    slug = crew.team("pair", "broadcast", one, two)
    member, approver = api(tenant), api(tenant, "approver")
    run = run_team(member, slug, f"Create a note saying draft {crew.mark}")
    assert run["status"] == "paused"
    assert [child["status"] for child in tree(member, run["id"])["children"]] == ["paused"] * 2
    asked = by_component(waiting(approver, run["id"], 2))
    assert all(item["root_run_id"] == run["id"] != item["run_id"] for item in asked.values())

    def edit() -> Any:
        return decide(
            approver, asked[one]["id"], "approve", arguments={"text": f"edited {crew.mark}"}
        )

    def reject() -> Any:
        return decide(approver, asked[two]["id"], "reject", reason="No second note.")

    first, second = (edit, reject) if edited_first else (reject, edit)
    answer = first()
    assert answer.status_code == 200, answer.text
    child = asked[one if edited_first else two]["run_id"]
    # One decision is enough for the member that it is about; the other waits on.
    assert ended(member, child)["status"] == "completed"
    paused_again(approver, run["id"], 1)
    assert second().status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed", done
    assert crew.notes() == [f"edited {crew.mark}"]
    assert "No second note." in done["output"]
    for below in flat(tree(member, run["id"])):
        assert below["status"] == "completed"
        keys = [step["key"] for step in steps(member, below["id"])]
        assert len(keys) == len(set(keys))


def test_a_member_of_a_team_in_a_team_waits_and_goes_on(api: Any) -> None:
    crew = Crew("acme")
    scribe = crew.agent("scribe", NOTES, "create_note", grants=ADMIN)
    counter = crew.agent("counter", SUMS, "calculator")
    office = crew.team("office", "coordinate", scribe, description=NOTES)
    slug = crew.team("house", "broadcast", office, counter, scribe)
    member, approver = api("acme"), api("acme", "approver")
    run = run_team(member, slug, f"Create a note saying {crew.mark}")
    assert run["status"] == "paused"
    asked = waiting(approver, run["id"], 2)
    assert {one["root_run_id"] for one in asked} == {run["id"]}
    depths = {one["id"]: one["depth"] for one in flat(tree(member, run["id"]))}
    assert sorted(depths[one["run_id"]] for one in asked) == [1, 2]
    for one in sorted(asked, key=lambda item: -depths[item["run_id"]]):
        assert decide(approver, one["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"
    assert crew.notes() == [crew.mark, crew.mark]


@pytest.mark.parametrize("edited_first", [True, False])
def test_the_second_of_two_decisions_counts_though_the_server_was_killed_after_the_first(
    database: None, edited_first: bool
) -> None:
    crew = Crew("globex" if edited_first else "acme")
    one = crew.agent("one", NOTES, "create_note", grants=ADMIN)
    two = crew.agent("two", NOTES, "create_note", grants=ADMIN)
    slug = crew.team("pair", "broadcast", one, two)
    with Server.started() as server:

        def asked_of(role: str) -> Api:
            return Api.signed_in(server, crew.tenant, role)

        run = run_team(asked_of("member"), slug, f"Create a note saying draft {crew.mark}")
        assert run["status"] == "paused", run
        asked = by_component(waiting(asked_of("approver"), run["id"], 2))
        edited = {"decision": "approve", "arguments": {"text": f"edited {crew.mark}"}}
        rejected = {"decision": "reject", "reason": "No second note."}
        order = [(one, edited), (two, rejected)]
        for agent, decision in order if edited_first else reversed(order):
            answer = decide(asked_of("approver"), asked[agent]["id"], **decision)
            assert answer.status_code == 200, answer.text
            server.kill()  # whether the member has gone on by then or not
            server.start()
        member = asked_of("member")
        done = ended(member, run["id"])
        assert done["status"] == "completed", done
        assert "No second note." in done["output"]
        below = {child["component"]["slug"]: child for child in tree(member, run["id"])["children"]}
        assert {child["status"] for child in below.values()} == {"completed"}
        [tool] = [s for s in steps(member, below[two]["id"]) if s["kind"] == "tool"]
        assert tool["error"]["code"] == "rejected"
    assert crew.notes() == [f"edited {crew.mark}"]


def test_a_paused_tree_outlives_its_server(database: None) -> None:
    crew = Crew("globex")
    one = crew.agent("one", NOTES, "create_note", grants=ADMIN)
    two = crew.agent("two", NOTES, "create_note", grants=ADMIN)
    slug = crew.team("pair", "coordinate", one, two)
    with Server.started() as server:
        member = Api.signed_in(server, "globex", "member")
        run = run_team(member, slug, f"Ask one and two: create a note saying {crew.mark}")
        assert run["status"] == "paused", run
        server.kill()
        server.start()
        approver = Api.signed_in(server, "globex", "approver")
        asked = waiting(approver, run["id"])
        for item in asked:
            assert decide(approver, item["id"], "approve").status_code == 200
            server.kill()
            server.start()
        done = ended(Api.signed_in(server, "globex", "member"), run["id"])
        assert done["status"] == "completed", done
    assert len(crew.notes()) == len(asked)


def test_a_team_s_grant_makes_its_members_stricter_there_alone(api: Any) -> None:
    from tenants.context import use_tenant

    crew = Crew("acme")
    scribe = crew.agent("scribe", NOTES, "create_note", grants={"create_note": {"tier": "free"}})
    slug = crew.team("strict", "route", scribe)
    with use_tenant(crew.ref):
        from agents.models import Team
        from approvals.models import Grant

        Grant.objects.create(team=Team.objects.get(slug=slug), tool="create_note", tier="user")
    member = api("acme")
    alone = member.run(f"Create a note saying alone {crew.mark}", slug=scribe)
    assert alone["status"] == "completed"
    run = run_team(member, slug, f"Create a note saying {crew.mark}")
    assert run["status"] == "paused"
    [asked] = waiting(member, run["id"])
    assert asked["tier"] == "user"
    assert decide(member, asked["id"], "approve").status_code == 200
    assert ended(member, run["id"])["status"] == "completed"
    assert crew.notes() == [f"alone {crew.mark}", crew.mark]


def test_cancelling_a_paused_tree_ends_all_of_it(api: Any) -> None:
    crew = Crew("acme")
    one = crew.agent("one", NOTES, "create_note", grants=ADMIN)
    office = crew.team("office", "coordinate", one, description=NOTES)
    slug = crew.team("house", "broadcast", one, office)
    member, approver = api("acme"), api("acme", "approver")
    run = run_team(member, slug, f"Create a note saying {crew.mark}")
    asked = waiting(approver, run["id"], 2)
    assert member.post(f"/runs/{run['id']}/cancel").status_code == 200
    assert ended(member, run["id"])["status"] == "cancelled"
    assert {one["status"] for one in flat(tree(member, run["id"]))} == {"cancelled"}
    for item in asked:
        assert approver.get(f"/approvals/{item['id']}").json()["status"] == "cancelled"
        late = decide(approver, item["id"], "approve")
        assert late.status_code == 409 and late.json()["type"].endswith(":run_ended")
    assert crew.notes() == []


def test_waiting_uses_up_neither_the_team_s_time_nor_the_member_s(api: Any) -> None:
    from datetime import timedelta

    from tenants.context import use_tenant

    crew = Crew("acme")
    scribe = crew.agent("scribe", NOTES, "create_note", grants=ADMIN)
    slug = crew.team("desk", "route", scribe)
    member, approver = api("acme"), api("acme", "approver")
    run = run_team(member, slug, f"Create a note saying {crew.mark}")
    [asked] = waiting(approver, run["id"])
    with use_tenant(crew.ref):
        from django.db.models import Q

        from agents.models import Run

        for row in Run.objects.filter(Q(pk=run["id"]) | Q(root=run["id"])):
            row.deadline_at -= timedelta(days=3)
            row.paused_at = row.paused_at and row.paused_at - timedelta(days=3)
            row.save(update_fields=["deadline_at", "paused_at"])
    assert decide(approver, asked["id"], "approve").status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed", done
    assert crew.notes() == [crew.mark]


def test_what_nobody_decides_on_for_a_member_is_refused_and_its_team_goes_on(api: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from tenants.context import use_shared, use_tenant

    crew = Crew("globex")
    scribe = crew.agent("scribe", NOTES, "create_note", grants=ADMIN)
    slug = crew.team("desk", "coordinate", scribe)
    member, approver = api("globex"), api("globex", "approver")
    run = run_team(member, slug, f"Create a note saying {crew.mark}")
    [asked] = waiting(approver, run["id"])
    past = timezone.now() - timedelta(seconds=1)
    with use_tenant(crew.ref):
        from agents.models import Step
        from approvals.models import Approval

        Approval.objects.filter(pk=asked["id"]).update(expires_at=past)
        step = Step.objects.get(run=asked["run_id"], status="waiting")
        step.asked[-1]["expires_at"] = past.isoformat()
        step.save(update_fields=["asked"])
    with use_shared():
        from agents.tickets.models import Paused

        assert Paused.objects.filter(run_id=run["id"]).update(due_at=past) == 1
        assert not Paused.objects.filter(run_id=asked["run_id"]).exists()
    assert ended(member, run["id"])["status"] == "completed"
    assert approver.get(f"/approvals/{asked['id']}").json()["status"] == "expired"
    assert crew.notes() == []
