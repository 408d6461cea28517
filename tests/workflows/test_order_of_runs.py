"""Large graphs run: in an order that fits, as many at once as allowed, told in one stream."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from tests.support.client import Api
from tests.support.server import Server
from tests.workflows.making import Flows, by_node, run_flow, steps

pytestmark = pytest.mark.usefixtures("committed")


def random_graph(number: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Nodes that each add one to the sum of some before them, and what each comes to."""
    draw = random.Random(seed)
    nodes: list[dict[str, Any]] = []
    values: dict[str, int] = {}
    for at in range(number):
        name = f"n{at}"
        sources = draw.sample(sorted(values), min(len(values), draw.randint(0, 3)))
        args = {f"a{place}": f"{source}.n" for place, source in enumerate(sources)}
        text = " + ".join(["1", *(f"args.{one}" for one in args)])
        values[name] = 1 + sum(values[source] for source in sources)
        nodes.append({"id": name, "kind": "transform", "args": args, "set": {"n": text}})
    return nodes, values


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_graph_of_five_hundred_nodes_runs_in_an_order_that_fits(api: Any, tenant: str) -> None:
    flows = Flows(tenant)
    nodes, values = random_graph(500, seed=7)
    slug = flows.flow("large", *nodes, result={name: f"{name}.n" for name in values})
    client = api(tenant)
    with client.stream(
        "POST", f"/workflows/{slug}/runs", json={"input": "go", "stream": True}
    ) as events:
        told = list(events)
    assert told[-1]["type"] == "run.completed"
    assert told[-1]["output"] == values
    places = [tuple(map(int, one["id"].split("~")[0].split("."))) for one in told]
    assert places == sorted(set(places))
    begun = {one["node"]: at for at, one in enumerate(told) if one["type"] == "node.started"}
    over = {one["node"]: at for at, one in enumerate(told) if one["type"] == "node.completed"}
    assert set(begun) == set(over) == set(values)
    for node in nodes:
        for source in node["args"].values():
            assert over[source.partition(".")[0]] < begun[node["id"]]
    with client.stream("GET", f"/runs/{told[0]['run_id']}/events") as events:
        again = list(events)
    assert [(one["id"], one["type"]) for one in again] == [(one["id"], one["type"]) for one in told]


def test_a_map_over_two_hundred_keeps_their_order(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "many",
        {
            "id": "each",
            "kind": "map",
            "over": "input.n",
            "most": 200,
            "nodes": [
                {"id": "sum", "kind": "tool", "tool": "calculator", "args": {"expression": "item"}}
            ],
        },
        input={"type": "object", "required": ["n"], "properties": {"n": {"type": "array"}}},
        result={"all": "each.items"},
        limits={"concurrency": 50},
    )
    client = api("acme")
    run = run_flow(client, slug, {"n": [f"{at} + 1" for at in range(200)]})
    assert run["status"] == "completed", run
    found = [str(one["sum"]) for one in run["output"]["all"]]
    assert len(found) == 200
    assert all(str(at + 1) in text for at, text in enumerate(found))


def test_no_more_nodes_run_at_once_than_the_workflow_allows(committed: None) -> None:
    flows = Flows("globex")
    talker = flows.agent("talker", "Talks.")
    asks = [{"id": f"ask{at}", "kind": "agent", "agent": talker, "task": "Hi"} for at in range(8)]
    slug = flows.flow("narrow", *asks, limits={"concurrency": 3})
    wide = flows.flow("wide", *asks, limits={"concurrency": 8})
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "0.4", "DEMO_MODEL_DELAY": "0"}) as server:
        client = Api.signed_in(server, "globex", "member")
        for name, most in ((slug, 3), (wide, 8)):
            began = time.monotonic()
            with client.stream(
                "POST", f"/workflows/{name}/runs", json={"input": "go", "stream": True}
            ) as events:
                told = list(events)
            took = time.monotonic() - began
            now = peak = 0
            for event in told:
                now += {"delegate.started": 1, "delegate.completed": -1}.get(event["type"], 0)
                peak = max(peak, now)
            assert peak == most
            assert took > 0.4 * -(-8 // most)


def test_a_run_s_steps_tell_what_went_in_and_came_out(api: Any) -> None:
    flows = Flows("acme")
    slug = flows.flow(
        "told",
        {
            "id": "x",
            "kind": "transform",
            "title": "The x",
            "args": {"t": "input"},
            "set": {"n": "size(args.t)"},
        },
    )
    client = api("acme")
    run = run_flow(client, slug, "four")
    node = by_node(client, run["id"])["x"]
    assert node["name"] == "The x"
    assert node["input"] == {"kind": "transform", "args": {"t": "four"}}
    assert node["output"] == {"status": "completed", "output": {"n": 4}}
    assert len(steps(client, run["id"])) == 1
