"""Every call of a workflow times out at first: who repeats it is the journal alone.

Models and the tool's depot are real servers, which count what they are asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import parcels
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server
from tests.teams.failing import DemoOverHttp, model_of
from tests.workflows.making import Flows, by_node, flat, run_flow, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
MODEL_ATTEMPTS = 3


@dataclass
class World:
    server: Server
    model: DemoOverHttp
    depot: parcels.Depot

    def api(self, tenant: str) -> Api:
        return Api.signed_in(self.server, tenant, "member")


@pytest.fixture(scope="module")
def world(database: None) -> Iterator[World]:
    model = DemoOverHttp()
    depot = parcels.Depot(lambda before, key: key not in {one for one, _ in before})
    with parcels.registered(), serving(model, depot):
        env = {
            "DEPOT_URL": depot.url,
            "STEP_ATTEMPTS": str(MODEL_ATTEMPTS),
            "RETRY_BASE_SECONDS": "0.02",
            "PROVIDER_BREAK_SECONDS": "0",
        }
        with Server.started(env, application="tests.support.parcels_asgi:application") as server:
            yield World(server, model, depot)


def ship(name: str, text: str, attempts: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "tool",
        "tool": parcels.NAME,
        "args": {"text": {"value": text}},
        "retries": {"attempts": attempts, "backoff_ms": 10},
        **fields,
    }


def journal(client: Api, run_id: str, kind: str) -> list[dict[str, Any]]:
    runs = flat(tree(client, run_id))
    return [step for one in runs for step in steps(client, one["id"]) if step["kind"] == kind]


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_no_call_is_made_more_often_than_declared_and_each_effect_has_one_key(
    world: World, tenant: str
) -> None:
    flows = Flows(tenant)
    world.model.calls.clear()
    world.model.hangs = lambda body, before: before == 0
    world.depot.hangs = lambda before, key: key not in {one for one, _ in before}
    with model_of(flows, world.model) as model:
        shipper = flows.agent("shipper", parcels.SHIPS, parcels.NAME, model=model)
        crew = flows.team("crew", "broadcast", shipper, model=model)
        slug = flows.flow(
            "sends",
            ship("alone", f"{flows.mark} alone", 2),
            {"id": "each", "kind": "map", "over": {"value": [1, 2]},
             "nodes": [{**ship("one", "", 3), "args": {"text": "text.t"}},
                       {"id": "text", "kind": "transform", "args": {"n": "item"},
                        "set": {"t": f'"{flows.mark} " + string(args.n)'}}]},
            {"id": "ask", "kind": "agent", "agent": shipper, "after": ["alone"],
             "task": f"Ship a parcel saying {flows.mark} agent",
             "retries": {"attempts": 2, "backoff_ms": 10}},
            {"id": "team", "kind": "team", "team": crew, "after": ["each"],
             "task": f"Ship a parcel saying {flows.mark} team"},
        )  # fmt: skip
        client = world.api(tenant)
        run = run_flow(client, slug, "go")
        assert run["status"] == "completed", run
        thought = journal(client, run["id"], "model")
        shipped = [s for s in journal(client, run["id"], "tool") if s["name"] == parcels.NAME]

    # As many requests as the journal has attempts, and none beyond what is declared.
    calls = world.model.calls
    assert calls.total() == sum(step["attempt"] for step in thought) > len(thought) > 3
    assert 2 <= min(calls.values()) <= max(calls.values()) <= MODEL_ATTEMPTS
    mine = [(key, text) for key, text in world.depot.asked if flows.mark in text]
    made = Counter(key for key, _ in mine)
    assert made.total() == sum(step["attempt"] for step in shipped)
    declared = {"alone!call": 2, "each[0]/one!call": 3, "each[1]/one!call": 3}
    for key, number in made.items():
        step = next(step for step in shipped if key.endswith(step["key"]))
        assert 2 <= number <= declared.get(step["key"], parcels.ATTEMPTS), key
    # One key for each effect, through all of its attempts.
    texts = [f"{flows.mark} {what}" for what in ("1", "2", "agent", "alone", "team")]
    assert sorted({text for _, text in mine}) == texts
    assert len(made) == len(shipped) == len(texts)


def test_what_never_answers_is_asked_as_often_as_declared_and_its_node_is_named(
    world: World,
) -> None:
    flows = Flows("globex")
    world.model.calls.clear()
    world.model.hangs = lambda body, before: True
    world.depot.hangs = lambda before, key: True
    with model_of(flows, world.model, patience=0.3) as model:
        shipper = flows.agent("shipper", parcels.SHIPS, parcels.NAME, model=model)
        slug = flows.flow(
            "never",
            ship("send", f"{flows.mark} never", 2, on_error="continue"),
            {"id": "ask", "kind": "agent", "agent": shipper, "title": "The shipper",
             "task": "Ship a parcel", "retries": {"attempts": 2, "backoff_ms": 10}},
        )  # fmt: skip
        client = world.api("globex")
        run = run_flow(client, slug, "go")
    assert run["status"] == "failed", run
    assert run["error"]["node"] == "ask" and "The shipper failed" in run["error"]["message"]
    mine = [key for key, text in world.depot.asked if flows.mark in text]
    assert len(mine) == 2 and len(set(mine)) == 1
    assert by_node(client, run["id"])["send"]["error"]["code"] == "tool_timeout"
    # Each attempt of the node is a run of its own, which asks as often as it may.
    assert world.model.calls.total() == 2 * MODEL_ATTEMPTS
    children = tree(client, run["id"])["children"]
    assert [child["status"] for child in children] == ["failed", "failed"]


def test_the_deadline_of_a_node_and_of_the_run_name_where_it_was(world: World) -> None:
    flows = Flows("acme")
    world.model.hangs = lambda body, before: True
    with model_of(flows, world.model, patience=20) as model:
        talker = flows.agent("talker", "Talks.", model=model)
        ask = {"id": "ask", "kind": "agent", "agent": talker, "title": "The talker", "task": "Hi"}
        quick = flows.flow("quick", {**ask, "timeout_ms": 400})
        late = flows.flow(
            "late",
            ask,
            {"id": "before", "kind": "transform", "set": {"n": "1"}},
            limits={"deadline_ms": 1500},
            result={"n": "before.n", "said": "ask.text"},
        )
        client = world.api("acme")
        run = run_flow(client, quick, "go")
        assert (run["error"]["code"], run["error"]["node"]) == ("node_failed", "ask"), run
        assert run["error"]["cause"]["code"] == "deadline"
        assert "0.4 seconds" in run["error"]["message"]
        run = run_flow(client, late, "go")
        assert run["error"]["code"] == "deadline", run
        assert "1.5 seconds" in run["error"]["message"] and "The talker" in run["error"]["message"]
