"""Nodes that wait: for people, several at once and in any order, for events, for a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until
from tests.teams.making import NOTES
from tests.workflows.making import Flows, by_node, ended, paused, run_flow, statuses, steps

pytestmark = pytest.mark.usefixtures("committed")


def sign_off(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "human",
        "message": f"May {name} go on?",
        "roles": ["approver"],
        **fields,
    }


def asked_by_node(client: Api, run_id: str, number: int) -> dict[str, dict[str, Any]]:
    return {one["tool"].removeprefix("node:"): one for one in waiting(client, run_id, number)}


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_two_nodes_wait_at_once_and_each_decision_lets_its_own_branch_go_on(
    api: Any, tenant: str, order: tuple[str, str]
) -> None:
    flows = Flows(tenant)
    slug = flows.flow(
        "pair",
        sign_off("one"),
        sign_off("two"),
        *(
            {
                "id": f"after_{name}",
                "kind": "transform",
                "args": {"ok": f"{name}.approved"},
                "set": {"ok": "args.ok"},
            }
            for name in order
        ),
        result={"one": "after_one.ok", "two": "after_two.ok", "why": "two.reason"},
    )
    member, approver = api(tenant), api(tenant, "approver")
    run = run_flow(member, slug, "go")
    assert run["status"] == "paused", run
    asked = asked_by_node(approver, run["id"], 2)
    first, second = order
    assert asked["one"]["arguments"] == {"message": "May one go on?"}
    own = decide(member, asked[first]["id"], "approve")
    assert own.status_code == 403  # one's own request
    edited = decide(approver, asked[first]["id"], "approve", arguments={"message": "Else"})
    assert edited.status_code == 422

    def say(name: str) -> Any:
        if name == "one":
            return decide(approver, asked[name]["id"], "approve")
        return decide(approver, asked[name]["id"], "reject", reason="Not this one.")

    assert say(first).status_code == 200
    until(lambda: statuses(member, run["id"]).get(f"after_{first}"), lambda now: now == "completed")
    paused(member, run["id"])
    assert statuses(member, run["id"])[second] == "waiting"
    assert say(second).status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed", done
    assert done["output"] == {"one": True, "two": False, "why": "Not this one."}


def test_a_decision_is_heard_while_other_nodes_still_run(committed: None) -> None:
    flows = Flows("acme")
    talker = flows.agent("talker", "Talks.")
    slug = flows.flow(
        "beside",
        sign_off("one"),
        {"id": "after", "kind": "transform", "args": {"by": "one.by"}, "set": {"by": "args.by"}},
        {"id": "long", "kind": "agent", "agent": talker, "task": "Hello"},
    )
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "60"}) as server:
        member = Api.signed_in(server, "acme", "member")
        approver = Api.signed_in(server, "acme", "approver")
        answer = member.post(f"/workflows/{slug}/runs", json={"input": "go", "background": True})
        assert answer.status_code == 202
        run_id = answer.json()["id"]
        asked = asked_by_node(approver, run_id, 1)
        assert member.get(f"/runs/{run_id}").json()["status"] == "running"
        assert decide(approver, asked["one"]["id"], "approve").status_code == 200
        until(lambda: statuses(member, run_id).get("after"), lambda now: now == "completed")
        assert statuses(member, run_id)["long"] == "started"
        assert member.post(f"/runs/{run_id}/cancel").status_code == 200
        assert ended(member, run_id)["status"] == "cancelled"


def test_a_rejection_that_nothing_looks_at_ends_the_workflow(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "strict",
        sign_off("gate"),
        {
            "id": "then",
            "kind": "tool",
            "tool": "create_note",
            "after": ["gate"],
            "args": {"text": {"value": f"never {flows.mark}"}},
        },
    )
    member, approver = api("acme"), api("acme", "approver")
    run = run_flow(member, slug, "go")
    [asked] = waiting(approver, run["id"])
    assert decide(approver, asked["id"], "reject", reason="No.").status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "failed" and done["error"]["cause"]["code"] == "rejected"
    assert "No." in done["error"]["message"]
    assert flows.notes() == []


def test_a_form_is_checked_and_for_the_role_that_is_named(api: Any) -> None:
    flows = Flows("globex")
    form = {
        "type": "object",
        "required": ["amount"],
        "additionalProperties": False,
        "properties": {"amount": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
    }
    mine = {"id": "mine", "kind": "human", "ask": "form", "message": "How much?", "form": form}
    slug = flows.flow(
        "forms",
        mine,
        {**mine, "id": "theirs", "roles": ["approver"]},
        result={"mine": "mine.amount", "theirs": "theirs.amount"},
    )
    member, approver = api("globex"), api("globex", "approver")
    run = run_flow(member, slug, "go")
    asked = asked_by_node(approver, run["id"], 2)
    assert {one["kind"] for one in asked.values()} == {"input"}
    assert asked["mine"]["fields"] == form
    wrong = decide(member, asked["mine"]["id"], "respond", response={"amount": 0})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["loc"] == ["response", "amount"]
    refused = decide(approver, asked["mine"]["id"], "respond", response={"amount": 3})
    assert refused.status_code == 403
    refused = decide(member, asked["theirs"]["id"], "respond", response={"amount": 3})
    assert refused.status_code == 403
    for who, name, amount in ((member, "mine", 2), (approver, "theirs", 5)):
        answer = decide(who, asked[name]["id"], "respond", response={"amount": amount})
        assert answer.status_code == 200, answer.text
    assert ended(member, run["id"])["output"] == {"mine": 2, "theirs": 5}


def test_an_event_is_told_by_whoever_runs_the_workflow(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "event",
        {
            "id": "paid",
            "kind": "wait",
            "event": "invoice.paid",
            "output": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "integer"}},
            },
        },
        {"id": "note", "kind": "transform", "args": {"id": "paid.id"}, "set": {"id": "args.id"}},
        result={"id": "note.id"},
    )
    member = api("acme")
    run = run_flow(member, slug, "go")
    [asked] = waiting(member, run["id"])
    assert (asked["kind"], asked["arguments"]) == ("external", {"event": "invoice.paid"})
    assert decide(member, asked["id"], "respond", response={}).status_code == 422
    assert decide(member, asked["id"], "respond", response={"id": 7}).status_code == 200
    assert ended(member, run["id"])["output"] == {"id": 7}


def test_a_tool_node_passes_the_same_gate_as_an_agent_s_call(api: Any) -> None:
    from tenants.context import use_tenant

    flows = Flows("acme")
    slug = flows.flow(
        "noted",
        {"id": "note", "kind": "tool", "tool": "create_note", "args": {"text": "input"}},
        {
            "id": "two",
            "kind": "agent",
            "agent": flows.agent(
                "scribe", NOTES, "create_note", grants={"create_note": {"tier": "admin"}}
            ),
            "task": f"Create a note saying by agent {flows.mark}",
        },
        result={"id": "note.note_id"},
    )
    with use_tenant(flows.ref):
        from approvals.models import Grant

        grant = Grant.objects.create(tool="create_note", tier="admin")
    try:
        member, approver = api("acme"), api("acme", "approver")
        run = run_flow(member, slug, f"by node {flows.mark}")
        assert run["status"] == "paused", run
        asked = {one["component"]["kind"]: one for one in waiting(approver, run["id"], 2)}
        edited = {"text": f"edited {flows.mark}"}
        answer = decide(approver, asked["workflow"]["id"], "approve", arguments=edited)
        assert answer.status_code == 200, answer.text
        assert decide(approver, asked["agent"]["id"], "reject").status_code == 200
        done = ended(member, run["id"])
        assert done["status"] == "completed" and done["output"]["id"], done
        assert flows.notes() == [edited["text"]]
    finally:
        with use_tenant(flows.ref):
            grant.delete()


def test_a_long_wait_and_an_answer_that_never_comes_are_left_by_the_clock(
    committed: None,
) -> None:
    flows = Flows("globex")
    slug = flows.flow(
        "waits",
        {"id": "pause", "kind": "wait", "seconds": 2},
        {
            "id": "inner",
            "kind": "workflow",
            "workflow": flows.flow(
                "inner",
                {
                    "id": "pause",
                    "kind": "wait",
                    "until": 'timestamp("2020-01-01T00:00:00Z") + duration("60s")',
                },
                {"id": "more", "kind": "wait", "seconds": 1, "after": ["pause"]},
            ),
            "args": {"input": {"value": "go"}},
        },
        result={"at": "pause.at", "inner": "inner"},
    )
    env = {"WORKFLOW_WAIT_HELD_SECONDS": "0.1", "EXECUTOR_POLL_SECONDS": "0.2"}
    with Server.started(env) as server:
        member = Api.signed_in(server, "globex", "member")
        run = run_flow(member, slug, "go")
        assert run["status"] == "paused", run
        server.kill()
        server.start()
        member = Api.signed_in(server, "globex", "member")
        done = ended(member, run["id"])
        assert done["status"] == "completed", done
        assert done["output"]["at"] == by_node(member, run["id"])["pause"]["input"]["until"]
        assert {one["status"] for one in steps(member, run["id"])} == {"finished"}
        with member.stream("GET", f"/runs/{run['id']}/events") as events:
            told = list(events)
        pauses = [one for one in told if one["type"] == "run.paused"]
        assert pauses and pauses[0]["approvals"] == []
        assert "due" in {one["reason"] for one in told if one["type"] == "run.resumed"}
