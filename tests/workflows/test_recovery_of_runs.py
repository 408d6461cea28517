"""`kill -9` in the middle of a workflow: what was finished is kept, and nothing done twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.support.server import Server
from tests.workflows.making import Flows, ended, flat, run_flow, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
SLOW = {"DEMO_MODEL_FIRST_DELAY": "0.1", "DEMO_MODEL_DELAY": "0.02"}
SEED = 20


def long_flow(flows: Flows) -> str:
    """Sixty nodes and more: rounds, entries, a team, a workflow and notes that are written once."""
    talker = flows.agent("talker", "Talks.")
    crew = flows.team("crew", "broadcast", talker)
    inner = flows.flow(
        "inner",
        {"id": "keep", "kind": "tool", "tool": "create_note", "args": {"text": "input"}},
        {"id": "done", "kind": "transform", "after": ["keep"], "set": {"yes": "true"}},
        result={"yes": "done.yes"},
    )
    return flows.flow(
        "long",
        {"id": "numbers", "kind": "transform", "set": {"of": "[1, 2, 3, 4, 5, 6, 7, 8]"}},
        {
            "id": "each",
            "kind": "map",
            "over": "numbers.of",
            "concurrency": 3,
            "nodes": [
                {
                    "id": "text",
                    "kind": "transform",
                    "args": {"n": "item"},
                    "set": {"note": f'"{flows.mark} number " + string(args.n)', "n": "args.n"},
                },
                {
                    "id": "keep",
                    "kind": "tool",
                    "tool": "create_note",
                    "args": {"text": "text.note"},
                },
                {
                    "id": "square",
                    "kind": "transform",
                    "args": {"n": "text.n"},
                    "after": ["keep"],
                    "set": {"n": "args.n * args.n"},
                },
            ],
            "result": {"n": "square.n"},
        },
        {
            "id": "rounds",
            "kind": "loop",
            "times": 6,
            "until": "last.add.n >= 10",
            "nodes": [
                {
                    "id": "add",
                    "kind": "transform",
                    "args": {"n": {"from": "last.add.n", "default": 0}},
                    "set": {"n": "args.n + 2"},
                }
            ],
        },
        {"id": "team", "kind": "team", "team": crew, "task": "Hello there."},
        {
            "id": "inner",
            "kind": "workflow",
            "workflow": inner,
            "args": {"input": {"value": f"{flows.mark} inner"}},
        },
        {
            "id": "all",
            "kind": "transform",
            "args": {
                "each": "each.items",
                "team": "team.text",
                "inner": "inner.yes",
                "rounds": "rounds.rounds",
            },
            "set": {
                "sum": "args.each.map(one, one.n)",
                "ok": "args.inner",
                "rounds": "args.rounds",
            },
        },
        result={"sum": "all.sum", "ok": "all.ok", "rounds": "all.rounds"},
    )


EXPECTED = {"sum": [1, 4, 9, 16, 25, 36, 49, 64], "ok": True, "rounds": 5}


def check(client: Api, flows: Flows, run_id: str) -> None:
    """As if nothing had happened."""
    run = ended(client, run_id)
    assert run["status"] == "completed", run
    assert run["output"] == EXPECTED
    wanted = [f"{flows.mark} inner", *(f"{flows.mark} number {n}" for n in range(1, 9))]
    assert sorted(flows.notes()) == wanted
    for one in flat(tree(client, run_id)):
        assert one["status"] == "completed", one
        journal = steps(client, one["id"])
        assert {step["status"] for step in journal} == {"finished"}
        assert len({step["key"] for step in journal}) == len(journal)
        assert len({step["step"] for step in journal}) == len(journal)


def test_killed_at_any_moment_a_workflow_comes_to_the_same(committed: None) -> None:
    points = random.Random(SEED).sample(range(4, 60), 3)
    with Server.started(SLOW) as server:
        for at in points:
            crews = {tenant: Flows(tenant) for tenant in ("acme", "globex")}
            runs = {}
            for tenant, flows in crews.items():
                client = Api.signed_in(server, tenant, "member")
                body = {"input": "go", "stream": True}
                slug = long_flow(flows)
                with client.stream("POST", f"/workflows/{slug}/runs", json=body) as events:
                    for number, event in enumerate(events):
                        runs[tenant] = runs.get(tenant) or event["run_id"]
                        if number >= at:
                            break
            server.kill()
            server.start()
            for tenant, flows in crews.items():
                check(Api.signed_in(server, tenant, "member"), flows, runs[tenant])


def test_a_workflow_that_waits_outlives_its_server(committed: None) -> None:
    flows = Flows("acme")
    scribe = flows.agent(
        "scribe",
        "Keeps notes: creates and lists them.",
        "create_note",
        grants={"create_note": {"tier": "admin"}},
    )
    other = flows.agent(
        "second",
        "Keeps notes: creates and lists them.",
        "create_note",
        grants={"create_note": {"tier": "admin"}},
    )
    team = flows.team("pair", "broadcast", scribe, other)
    slug = flows.flow(
        "waits",
        {"id": "gate", "kind": "human", "message": "Go on?", "roles": ["approver"]},
        {
            "id": "after",
            "kind": "transform",
            "args": {"ok": "gate.approved"},
            "set": {"ok": "args.ok"},
        },
        {"id": "team", "kind": "team", "team": team, "task": f"Create a note saying {flows.mark}"},
        result={"ok": "after.ok", "said": "team.text"},
    )
    with Server.started() as server:
        member = Api.signed_in(server, "acme", "member")
        run = run_flow(member, slug, "go")
        assert run["status"] == "paused", run
        asked = waiting(Api.signed_in(server, "acme", "approver"), run["id"], 3)
        random.Random(SEED).shuffle(asked)
        for one in asked:
            server.kill()
            server.start()
            approver = Api.signed_in(server, "acme", "approver")
            choice = "reject" if one["component"]["slug"] == scribe else "approve"
            assert decide(approver, one["id"], choice).status_code == 200
        member = Api.signed_in(server, "acme", "member")
        done = ended(member, run["id"])
        assert done["status"] == "completed", done
        assert done["output"]["ok"] is True
    assert flows.notes() == [flows.mark]


def test_a_run_finishes_on_the_revisions_it_was_started_with(api: Any) -> None:
    flows = Flows("globex")
    member, approver = api("globex"), api("globex", "approver")

    def publish(word: str) -> str:
        inner = flows.flow(
            "inner",
            {"id": "say", "kind": "transform", "set": {"word": f'"{word}"'}},
            result={"word": "say.word"},
        )
        return flows.flow(
            "outer",
            {"id": "gate", "kind": "human", "message": "Go on?", "roles": ["approver"]},
            {
                "id": "inner",
                "kind": "workflow",
                "workflow": inner,
                "after": ["gate"],
                "args": {"input": {"value": "x"}},
            },
            result={"inner": "inner.word", "own": {"value": word}},
        )

    slug = publish("old")
    run = run_flow(member, slug, "go")
    assert publish("new") == slug
    [asked] = waiting(approver, run["id"])
    assert decide(approver, asked["id"], "approve").status_code == 200
    assert ended(member, run["id"])["output"] == {"inner": "old", "own": "old"}
    again = run_flow(member, slug, "go", revision=1)
    assert again["component"]["revision"] == 1
    [asked] = waiting(approver, again["id"])
    assert decide(approver, asked["id"], "approve").status_code == 200
    # What is inside isn't named by a revision: it is what is published when the run starts.
    assert ended(member, again["id"])["output"] == {"inner": "new", "own": "old"}


def test_a_cancel_ends_all_that_runs_or_waits(committed: None) -> None:
    flows = Flows("acme")
    talker = flows.agent("talker", "Talks.")
    inner = flows.flow("inner", {"id": "ask", "kind": "agent", "agent": talker, "task": "A story"})
    slug = flows.flow(
        "stopped",
        {"id": "gate", "kind": "human", "message": "Go on?", "roles": ["approver"]},
        {"id": "inner", "kind": "workflow", "workflow": inner, "args": {"input": {"value": "x"}}},
        {"id": "long", "kind": "wait", "seconds": 900},
    )
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "60"}) as server:
        member = Api.signed_in(server, "acme", "member")
        answer = member.post(f"/workflows/{slug}/runs", json={"input": "go", "background": True})
        run_id = answer.json()["id"]
        approver = Api.signed_in(server, "acme", "approver")
        [asked] = waiting(approver, run_id)
        assert member.post(f"/runs/{run_id}/cancel").status_code == 200
        assert ended(member, run_id)["status"] == "cancelled"
        assert {one["status"] for one in flat(tree(member, run_id))} == {"cancelled"}
        late = decide(approver, asked["id"], "approve")
        assert late.status_code == 409
        nodes = tree(member, run_id)["nodes"]
        assert {one["status"] for one in nodes} == {"cancelled"}


def test_a_server_that_drains_hands_a_workflow_over_between_its_steps(committed: None) -> None:
    flows = Flows("globex")
    slug = long_flow(flows)
    with Server.started(SLOW) as server:
        client = Api.signed_in(server, "globex", "member")
        body = {"input": "go", "stream": True}
        with client.stream("POST", f"/workflows/{slug}/runs", json=body) as events:
            run_id = next(event["run_id"] for event in events)
            next(event for event in events if event["type"] == "tool.completed")
        server.stop()
        server.start()
        client = Api.signed_in(server, "globex", "member")
        check(client, flows, run_id)
        for one in flat(tree(client, run_id)):
            assert {step["attempt"] for step in steps(client, one["id"])} == {1}


def test_a_run_is_run_again_from_a_node_and_has_what_was_finished_before(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "again",
        {"id": "keep", "kind": "tool", "tool": "create_note", "args": {"text": "input.mark"}},
        {
            "id": "half",
            "kind": "transform",
            "args": {"n": "input.n"},
            "set": {"n": "10 / args.n"},
            "after": ["keep"],
        },
        {"id": "beside", "kind": "transform", "set": {"n": "1"}},
        {
            "id": "final",
            "kind": "transform",
            "args": {"n": "half.n", "id": "keep.note_id"},
            "set": {"n": "args.n", "id": "args.id"},
        },
        input={
            "type": "object",
            "properties": {"n": {"type": "integer"}, "mark": {"type": "string"}},
        },
        result={"n": "final.n", "id": "final.id"},
    )
    client = api("acme")
    failed = run_flow(client, slug, {"n": 0, "mark": flows.mark})
    assert failed["status"] == "failed" and failed["error"]["node"] == "half"
    good = run_flow(client, slug, {"n": 5, "mark": flows.mark})
    assert good["output"]["n"] == 2

    def again(run: dict[str, Any], node: str, **fields: Any) -> Any:
        return client.post(f"/runs/{run['id']}/rerun", json={"node": node, **fields})

    answer = again(good, "half")
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert run["status"] == "completed" and run["output"] == good["output"]
    assert run["session_id"] == good["session_id"] and run["id"] != good["id"]
    of = {one["key"]: one["output"].get("of") for one in steps(client, run["id"])}
    assert of == {"keep": good["id"], "beside": good["id"], "half": None, "final": None}
    assert len(flows.notes()) == 2
    with client.stream("GET", f"/runs/{run['id']}/events") as events:
        told = [one["node"] for one in events if one["type"] == "node.completed"]
    assert sorted(told) == ["beside", "final", "half", "keep"]
    # What had failed fails again on the same input, and nothing before it is done again.
    assert again(failed, "final").json()["error"]["node"] == "half"
    assert len(flows.notes()) == 2
    assert again(good, "nowhere").status_code == 422
    stranger = api("acme", "builder")
    assert stranger.post(f"/runs/{good['id']}/rerun", json={"node": "half"}).status_code in (
        403,
        404,
    )
    assert api("globex").post(f"/runs/{good['id']}/rerun", json={"node": "half"}).status_code == 404
    agent = client.run("Hello")
    refused = client.post(f"/runs/{agent['id']}/rerun", json={"node": "half"})
    assert refused.status_code == 422 and refused.json()["type"].endswith(":no_workflow")
