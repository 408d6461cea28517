"""A process that is told to stop hands its runs over between two steps, or lets them go in time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.client import Api
from tests.support.fleet import FleetDatabase, executors
from tests.support.server import Server
from tests.support.waiting import until

# What is claimed within these is claimed because somebody said so.
TOLD = {"EXECUTOR_POLL_SECONDS": "600", "LEASE_RENEW_SECONDS": "600", "LEASE_SECONDS": "900"}


@pytest.fixture(scope="module")
def web(fleet: FleetDatabase) -> Iterator[Server]:
    with Server.started({"EXECUTOR_CAPACITY": "0", **fleet.env}) as server:
        yield server


def start(client: Api, text: str) -> str:
    ask = {"input": text, "background": True}
    return str(client.post("/agents/assistant/runs", json=ask).json()["id"])


def test_runs_of_a_drained_executor_go_on_elsewhere_and_no_step_is_begun_twice(
    fleet: FleetDatabase, web: Server
) -> None:
    quick = {**TOLD, **fleet.env}
    runs = {
        client: start(client, f"Create a note saying drained {client.tenant}")
        for client in (Api.signed_in(web, tenant, "member") for tenant in ("acme", "globex"))
    }
    # Its call under way lasts until the other is there.
    with executors(1, {**quick, "DEMO_MODEL_FIRST_DELAY": "5"}) as (first,):
        for run_id in runs.values():
            until(lambda run_id=run_id: fleet.owner_of(run_id) == first.owner)
        with executors(1, quick) as (second,):
            assert first.stop() == 0
            assert "Traceback" not in first.log.read_text()
            there = [row[0] for row in fleet.rows("SELECT owner FROM tickets_executor")]
            assert first.owner not in there and second.owner in there
            for client, run_id in runs.items():
                run = until(
                    lambda client=client, run_id=run_id: client.get(f"/runs/{run_id}").json(),
                    lambda run: run["finished_at"],
                    seconds=60,
                )
                assert run["status"] == "completed", run
                steps = client.get(f"/runs/{run_id}/steps").json()["items"]
                assert [step["attempt"] for step in steps] == [1, 1, 1]
            assert second.stop() == 0


def test_a_call_that_takes_too_long_is_let_go(fleet: FleetDatabase, web: Server) -> None:
    client = Api.signed_in(web, "acme", "member")
    stuck = {**TOLD, **fleet.env, "DEMO_MODEL_FIRST_DELAY": "100", "DRAIN_SECONDS": "0.5"}
    run_id = start(client, "Hello")
    with executors(1, stuck) as (first,):
        until(lambda: fleet.owner_of(run_id) == first.owner)
        begun = time.monotonic()
        assert first.stop() == 0
        assert time.monotonic() - begun < 60
    assert fleet.rows("SELECT owner FROM tickets_ticket WHERE run_id = %s", run_id) == [("",)]
    assert client.post(f"/runs/{run_id}/cancel").json()["status"] == "cancelled"


def test_a_web_process_that_stops_hands_its_runs_over_too(fleet: FleetDatabase) -> None:
    quick = {**TOLD, **fleet.env}
    with Server.started({**quick, "DEMO_MODEL_FIRST_DELAY": "5"}) as first:
        run_id = start(Api.signed_in(first, "globex", "member"), "Create a note saying handed over")
        until(lambda: fleet.owner_of(run_id))
        with Server.started(quick) as second:
            client = Api.signed_in(second, "globex", "member")
            first.stop()
            run = until(
                lambda: client.get(f"/runs/{run_id}").json(), lambda run: run["finished_at"]
            )
            assert run["status"] == "completed", run
            steps = client.get(f"/runs/{run_id}/steps").json()["items"]
            assert [step["attempt"] for step in steps] == [1, 1, 1]
