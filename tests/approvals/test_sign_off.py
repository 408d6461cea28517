"""A tool that needs consent: the run pauses, somebody decides, it goes on by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.approvals.making import Careful, decide, ended, waiting

pytestmark = pytest.mark.usefixtures("committed")
ADMIN = {"create_note": {"tier": "admin"}}
TENANTS = ("acme", "globex")


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_run_waits_for_the_sign_off_and_completes_by_itself(api: Any, tenant: str) -> None:
    agent = Careful(tenant, ADMIN).make()
    member, approver = api(tenant, "member"), api(tenant, "approver")
    run = member.run(f"Create a note saying pay {agent.slug}", slug=agent.slug)
    assert run["status"] == "paused"
    assert run["finished_at"] is None
    [asked] = waiting(approver, run["id"])
    assert asked["tool"] == "create_note" and asked["tier"] == "admin"
    assert agent.notes(agent.slug) == []
    said = decide(approver, asked["id"], "approve", reason="fine")
    assert said.status_code == 200, said.text
    assert said.json()["status"] == "approved" and said.json()["decided_by"] == "approver"
    done = ended(member, run["id"])
    assert done["status"] == "completed"
    assert len(agent.notes(agent.slug)) == 1


def test_the_events_of_a_pause_are_the_same_live_and_from_the_journal(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    live: list[dict[str, Any]] = []
    body = {"input": f"Create a note saying {agent.slug}", "stream": True}
    with member.stream("POST", f"/agents/{agent.slug}/runs", json=body) as stream:
        for event in stream:
            live.append(event)
            if event["type"] == "run.paused":
                [asked] = waiting(approver, event["run_id"])
                assert decide(approver, asked["id"], "approve").status_code == 200
    kinds = [event["type"] for event in live if event["type"] not in ("message.delta", "usage")]
    assert kinds == [
        "run.started",
        "approval.requested",
        "run.paused",
        "approval.decided",
        "run.resumed",
        "tool.started",
        "tool.completed",
        "message.completed",
        "run.completed",
    ]
    path = f"/runs/{live[0]['run_id']}/events"
    with member.stream("GET", path) as stream:
        again = list(stream)
    told = [event for event in live if event["type"] != "message.delta"]
    assert [event for event in again if event["type"] != "message.delta"] == told
    ids = [tuple(map(int, event["id"].split("."))) for event in live]
    assert ids == sorted(ids)


def test_a_rejection_is_told_to_the_model_and_nothing_is_done(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    assert decide(approver, asked["id"], "reject", reason="not in May").status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed"
    steps = member.get(f"/runs/{run['id']}/steps").json()["items"]
    [tool] = [step for step in steps if step["kind"] == "tool"]
    assert tool["error"]["code"] == "rejected" and "not in May" in tool["output"]["text"]
    assert agent.notes(agent.slug) == []


def test_edited_arguments_are_what_is_done_and_both_versions_stay(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    wrong = decide(approver, asked["id"], "approve", arguments={"text": 5, "colour": "red"})
    assert wrong.status_code == 422
    assert {"arguments.text", "arguments.colour"} <= {
        ".".join(error["loc"]) for error in wrong.json()["errors"]
    }
    text = f"{agent.slug} in other words"
    good = decide(approver, asked["id"], "approve", arguments={"text": text})
    assert good.status_code == 200, good.text
    assert good.json()["arguments"] == asked["arguments"]
    assert good.json()["decided_arguments"] == {"text": text}
    assert ended(member, run["id"])["status"] == "completed"
    assert agent.notes(agent.slug) == [text]


def test_of_a_hundred_decisions_at_once_one_wins(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver, owner = (api("acme", name) for name in ("member", "approver", "owner"))
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])

    def attempt(number: int) -> int:
        who = approver if number % 2 else owner
        choice = "approve" if number % 3 else "reject"
        return int(decide(who, asked["id"], choice).status_code)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(attempt, range(100)))
    assert sorted(answers) == [200] + [409] * 99
    assert ended(member, run["id"])["status"] == "completed"
    assert len(agent.notes(agent.slug)) <= 1
    assert len(approver.get(f"/approvals/{asked['id']}").json()["decisions"]) == 1


def test_who_may_not_decide_changes_nothing(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    assert decide(api("globex", "approver"), asked["id"], "approve").status_code == 404
    assert decide(member, asked["id"], "approve").status_code == 403
    assert decide(api("acme", "auditor"), asked["id"], "approve").status_code == 403
    assert decide(api("acme", "builder"), asked["id"], "approve").status_code in (403, 404)
    assert decide(approver, asked["id"], "respond", response={}).status_code == 422
    assert len(waiting(approver, run["id"])) == 1
    assert agent.notes(agent.slug) == []
    assert decide(approver, asked["id"], "reject").status_code == 200


def test_a_cancelled_run_asks_nobody_any_more(api: Any) -> None:
    agent = Careful("acme", ADMIN).make()
    member, approver = api("acme", "member"), api("acme", "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])
    cancelled = member.post(f"/runs/{run['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled", cancelled.text
    late = decide(approver, asked["id"], "approve")
    assert late.status_code == 409 and late.json()["code" if "code" in late.json() else "type"]
    assert approver.get(f"/approvals/{asked['id']}").json()["status"] == "cancelled"
    assert agent.notes(agent.slug) == []


def test_several_calls_of_one_turn_are_decided_one_by_one(api: Any) -> None:
    grants = {"create_note": {"tier": "admin"}}
    agent = Careful("globex", grants).make()
    member, approver = api("globex", "member"), api("globex", "approver")
    text = f'Create a note saying "{agent.slug} one" and create a note saying "{agent.slug} two"'
    run = member.run(text, slug=agent.slug)
    asked = waiting(approver, run["id"])
    for number, one in enumerate(asked):
        choice = "approve" if number == 0 else "reject"
        assert decide(approver, one["id"], choice).status_code == 200
    ended(member, run["id"])
    assert len(agent.notes(agent.slug)) == 1
