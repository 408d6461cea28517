"""Workflows run over HTTP: every kind of node, what skips, what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.making import Flows, by_node, flat, run_flow, statuses, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_data_flows_by_name_through_transforms_a_tool_and_an_agent(api: Any, tenant: str) -> None:
    flows = Flows(tenant)
    slug = flows.flow(
        "sums",
        {
            "id": "parts",
            "kind": "transform",
            "args": {"n": "input.n"},
            "set": {"expression": '"2 * " + string(args.n)', "label": '"n is " + string(args.n)'},
        },
        {
            "id": "sum",
            "kind": "tool",
            "tool": "calculator",
            "args": {"expression": "parts.expression"},
        },
        {
            "id": "say",
            "kind": "agent",
            "agent": "assistant",
            "task": "Hello, {{ args.label }}.",
            "args": {"label": "parts.label"},
        },
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        result={"sum": "sum", "said": "say.text", "n": "input.n"},
    )
    client = api(tenant)
    run = run_flow(client, slug, {"n": 21})
    assert run["status"] == "completed", run
    assert run["output"]["n"] == 21 and run["output"]["said"]
    assert "42" in str(run["output"]["sum"])
    assert run["component"] == {"kind": "workflow", "slug": slug, "revision": 1}
    assert statuses(client, run["id"]) == dict.fromkeys(("parts", "sum", "say"), "completed")
    [child] = tree(client, run["id"])["children"]
    assert child["input"] == "Hello, n is 21." and child["depth"] == 1
    assert run["usage"]["total_tokens"] == child["usage"]["total_tokens"] > 0
    journal = steps(client, run["id"])
    assert len({step["key"] for step in journal}) == len(journal)


def test_branches_that_are_not_taken_are_skipped_with_what_needs_them(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "branches",
        {
            "id": "large",
            "kind": "condition",
            "when": "args.n > 10",
            "args": {"n": "input.n"},
            "then": ["big"],
            "else": ["small"],
        },
        {"id": "big", "kind": "transform", "set": {"word": '"big"'}},
        {"id": "small", "kind": "transform", "set": {"word": '"small"'}},
        {
            "id": "needs_big",
            "kind": "transform",
            "args": {"word": "big.word"},
            "set": {"shout": 'args.word + "!"'},
        },
        {
            "id": "either",
            "kind": "transform",
            "args": {
                "word": {"first": ["big.word", "small.word"]},
                "shout": {"from": "needs_big.shout", "default": "none"},
            },
            "set": {"both": 'args.word + " " + args.shout'},
        },
        {"id": "later", "kind": "transform", "after": ["needs_big"], "set": {"x": "1"}},
        {"id": "never", "kind": "transform", "skip_when": "true", "set": {"x": "1"}},
        {"id": "route", "kind": "router", "by": '"b"', "routes": {"a": ["a"]}, "otherwise": ["b"]},
        {"id": "a", "kind": "transform", "set": {"x": "1"}},
        {"id": "b", "kind": "transform", "set": {"x": "2"}},
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        result={"both": "either.both", "a": {"from": "a.x", "default": 0}, "b": "b.x"},
    )
    client = api("acme")
    small = run_flow(client, slug, {"n": 3})
    assert small["output"] == {"both": "small none", "a": 0, "b": 2}, small
    assert statuses(client, small["id"]) == {
        **dict.fromkeys(("big", "needs_big", "never", "a"), "skipped"),
        **dict.fromkeys(("large", "small", "either", "later", "route", "b"), "completed"),
    }
    assert run_flow(client, slug, {"n": 30})["output"]["both"] == "big big!"


def test_loops_maps_and_groups_have_their_own_rounds(api: Any) -> None:
    flows = Flows("globex")
    slug = flows.flow(
        "rounds",
        {
            "id": "grow",
            "kind": "loop",
            "times": 9,
            "until": "last.add.n >= args.most",
            "args": {"most": "input.most"},
            "nodes": [
                {
                    "id": "add",
                    "kind": "transform",
                    "args": {"before": {"from": "last.add.n", "default": 0}},
                    "set": {"n": "args.before + 2"},
                }
            ],
            "result": {"n": "add.n"},
        },
        {
            "id": "each",
            "kind": "map",
            "over": "input.words",
            "concurrency": 2,
            "args": {"mark": {"value": "!"}},
            "nodes": [
                {
                    "id": "shout",
                    "kind": "transform",
                    "args": {"word": "item", "at": "index", "mark": "args.mark"},
                    "set": {"it": "string(args.at) + args.word + args.mark"},
                }
            ],
            "result": {"it": "shout.it"},
        },
        {
            "id": "both",
            "kind": "parallel",
            "nodes": [
                {
                    "id": "sum",
                    "kind": "tool",
                    "tool": "calculator",
                    "args": {"expression": {"value": "1 + 1"}},
                },
                {"id": "clock", "kind": "tool", "tool": "current_time"},
            ],
        },
        result={"grow": "grow", "each": "each.items", "sum": "both.sum"},
        input={
            "type": "object",
            "required": ["most", "words"],
            "properties": {
                "most": {"type": "integer"},
                "words": {"type": "array", "items": {"type": "string"}},
            },
        },
    )
    client = api("globex")
    run = run_flow(client, slug, {"most": 5, "words": ["a", "b", "c"]})
    assert run["status"] == "completed", run
    assert run["output"]["grow"] == {"rounds": 3, "done": True, "result": {"n": 6}}
    assert run["output"]["each"] == [{"it": "0a!"}, {"it": "1b!"}, {"it": "2c!"}]
    assert "2" in str(run["output"]["sum"])
    keys = set(by_node(client, run["id"]))
    assert {"grow[2]/add", "each[0]/shout", "both[0]/clock"} <= keys
    assert "grow[3]/add" not in keys
    empty = run_flow(client, slug, {"most": 99, "words": []})
    assert empty["output"]["each"] == []
    assert empty["output"]["grow"] == {"rounds": 9, "done": False, "result": {"n": 18}}


def test_a_workflow_in_a_workflow_takes_and_gives_typed_data(api: Any) -> None:
    flows = Flows("acme")
    inner = flows.flow(
        "inner",
        {"id": "twice", "kind": "transform", "args": {"n": "input.n"}, "set": {"n": "args.n * 2"}},
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        output={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        result={"n": "twice.n"},
    )
    crew = flows.team(
        "pair", "broadcast", flows.agent("one", "Talks."), flows.agent("two", "Talks.")
    )
    outer = flows.flow(
        "outer",
        {"id": "inner", "kind": "workflow", "workflow": inner, "args": {"n": "input.n"}},
        {
            "id": "team",
            "kind": "team",
            "team": crew,
            "task": "Say {{ args.n }}.",
            "args": {"n": "inner.n"},
        },
        result={"n": "inner.n", "said": "team.text"},
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
    )
    client = api("acme")
    run = run_flow(client, outer, {"n": 4})
    assert run["status"] == "completed", run
    assert run["output"]["n"] == 8 and run["output"]["said"]
    runs = flat(tree(client, run["id"]))
    assert [one["depth"] for one in runs] == [0, 1, 1, 2, 2]
    assert [one["component"]["kind"] for one in runs] == [
        "workflow",
        "workflow",
        "team",
        "agent",
        "agent",
    ]
    assert [node["node"] for node in runs[0]["nodes"]] == ["inner", "team"]
    assert runs[1]["input"] == {"n": 4} and runs[1]["output"] == {"n": 8}


def test_an_agent_answers_as_the_node_declares(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "sort",
        {
            "id": "classify",
            "kind": "agent",
            "agent": "assistant",
            "task": "Sort this: {{ args.text }}",
            "args": {"text": "input.text"},
            "output": {
                "type": "object",
                "required": ["area", "severity"],
                "properties": {
                    "area": {"type": "string", "enum": ["billing", "other"]},
                    "severity": {"type": "integer"},
                },
            },
        },
        input=TEXT,
        result={"sorted": "classify"},
    )
    run = run_flow(api("acme"), slug, {"text": "My invoice is wrong."})
    assert run["status"] == "completed", run
    assert run["output"]["sorted"]["area"] in ("billing", "other")
    assert isinstance(run["output"]["sorted"]["severity"], int)


def test_input_that_does_not_fit_is_refused_with_its_fields(api: Any) -> None:
    flows = Flows("acme")
    typed = flows.flow(
        "typed",
        {"id": "x", "kind": "transform", "set": {"x": "1"}},
        input={
            "type": "object",
            "required": ["n"],
            "additionalProperties": False,
            "properties": {
                "n": {"type": "integer"},
                "parts": {"type": "array", "items": {"type": "string"}},
            },
        },
    )
    plain = flows.flow(
        "plain",
        {"id": "x", "kind": "transform", "args": {"t": "input"}, "set": {"x": "size(args.t)"}},
    )
    client = api("acme")
    for given, place in (
        ({}, ["body", "input"]),
        ({"n": "three"}, ["body", "input", "n"]),
        ({"n": 1, "parts": ["a", 2]}, ["body", "input", "parts", 1]),
        ("text", ["body", "input"]),
    ):
        answer = client.post(f"/workflows/{typed}/runs", json={"input": given})
        assert answer.status_code == 422, answer.text
        assert answer.json()["type"].endswith(":input_schema")
        assert answer.json()["errors"][0]["loc"] == place
    wrong = client.post(f"/workflows/{plain}/runs", json={"input": {"a": 1}})
    assert wrong.status_code == 422
    assert run_flow(client, plain, "abc")["output"] == {"x": {"x": 3}}
    of_agent = client.post("/agents/assistant/runs", json={"input": {"a": 1}})
    assert of_agent.status_code == 422


def test_workflows_are_listed_for_those_who_may_run_them_in_their_tenant(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow("seen", {"id": "x", "kind": "transform", "set": {"x": "1"}})
    closed = flows.flow(
        "closed", {"id": "x", "kind": "transform", "set": {"x": "1"}}, run_roles=["builder"]
    )
    client, builder, other = api("acme"), api("acme", "builder"), api("globex")
    listed = [
        one["slug"] for one in client.get("/workflows", params={"limit": 500}).json()["items"]
    ]
    assert slug in listed and closed not in listed
    assert builder.get(f"/workflows/{closed}").json()["nodes"] == 1
    assert client.get(f"/workflows/{slug}/revisions").json()["items"][0]["number"] == 1
    for client, name in ((api("acme"), closed), (other, slug)):
        assert client.get(f"/workflows/{name}").status_code == 404
        assert client.post(f"/workflows/{name}/runs", json={"input": "x"}).status_code == 404
