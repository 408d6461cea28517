"""Every call of a model and a tool times out at first: who repeats it is the journal alone."""

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
from tests.teams.making import SUMS, Crew, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
MODEL_ATTEMPTS = 3
MODES = ("route", "coordinate", "broadcast", "plan", "tasks")


@dataclass
class World:
    server: Server
    model: DemoOverHttp
    depot: parcels.Depot


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


def journal(client: Api, run_id: str, kind: str) -> list[dict[str, Any]]:
    runs = flat(tree(client, run_id))
    return [step for one in runs for step in steps(client, one["id"]) if step["kind"] == kind]


def team(crew: Crew, model: str, mode: str) -> str:
    shipper = crew.agent("shipper", parcels.SHIPS, parcels.NAME, model=model)
    counter = crew.agent("counter", SUMS, "calculator", model=model)
    return crew.team("crew", mode, shipper, counter, model=model)


@pytest.mark.parametrize("mode", MODES)
def test_no_call_is_made_more_often_than_declared_and_an_effect_has_one_key(
    world: World, mode: str
) -> None:
    crew = Crew("acme" if MODES.index(mode) % 2 else "globex")
    world.model.calls.clear()
    world.model.hangs = lambda body, before: before == 0
    asked = len(world.depot.asked)
    with model_of(crew, world.model) as model:
        slug = team(crew, model, mode)
        client = Api.signed_in(world.server, crew.tenant, "member")
        run = run_team(client, slug, f"Ship a parcel saying {crew.mark}. Calculate 17*23.")
        assert run["status"] == "completed", run
        thought = journal(client, run["id"], "model")
        shipped = [s for s in journal(client, run["id"], "tool") if s["name"] == parcels.NAME]

    # As many requests as the journal has attempts, and none beyond what is declared.
    calls = world.model.calls
    assert calls.total() == sum(step["attempt"] for step in thought)
    assert 2 <= min(calls.values()) <= max(calls.values()) <= MODEL_ATTEMPTS
    assert len(thought) >= 3

    # A route goes to one member alone, and only who ships has shipped.
    made = Counter(key for key, _ in world.depot.asked[asked:])
    assert made.total() == sum(step["attempt"] for step in shipped)
    assert len(made) == len(shipped) == 1, made
    assert 2 <= made.total() <= parcels.ATTEMPTS
    [key] = made
    assert key.endswith(shipped[0]["key"])
    assert world.depot.shipped[key] == crew.mark


@pytest.mark.parametrize("mode", MODES)
def test_what_never_answers_is_asked_as_often_as_declared_and_then_given_up(
    world: World, mode: str
) -> None:
    crew = Crew("globex" if MODES.index(mode) % 2 else "acme")
    world.model.calls.clear()
    world.model.hangs = lambda body, before: True
    with model_of(crew, world.model, patience=0.3) as model:
        slug = team(crew, model, mode)
        client = Api.signed_in(world.server, crew.tenant, "member")
        run = run_team(client, slug, "Ship a parcel. Calculate 17*23.")
    assert run["status"] == "failed", run
    assert run["error"]["attempts"] == MODEL_ATTEMPTS
    assert set(world.model.calls.values()) == {MODEL_ATTEMPTS}
    # In a broadcast the members fail first, each by itself, and then the leader.
    assert len(world.model.calls) == (3 if mode == "broadcast" else 1)
