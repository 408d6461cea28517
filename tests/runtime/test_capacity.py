"""A full executor queues: nothing is refused, nothing is lost."""

from __future__ import annotations

from typing import Any

from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until


def test_runs_beyond_the_capacity_wait_their_turn(hanging: str) -> None:
    env = {"EXECUTOR_CAPACITY": "1", "EXECUTOR_POLL_SECONDS": "0.1"}
    with Server.started(env) as server:
        client = Api.signed_in(server, "acme", "member")

        def start(slug: str, text: str) -> Any:
            body = {"input": text, "background": True}
            return client.post(f"/agents/{slug}/runs", json=body).json()

        only = start(hanging, "Hello")
        assert only["status"] == "running"
        runs = [start("assistant", f"What is {n}+1?") for n in range(3)]
        assert [run["status"] for run in runs] == ["queued"] * 3
        assert client.post(f"/runs/{only['id']}/cancel").json()["status"] == "cancelled"
        with client.stream("GET", f"/runs/{runs[-1]['id']}/events") as stream:
            last = list(stream)
        assert [last[0]["type"], last[-1]["type"]] == ["run.started", "run.completed"]
        for run in runs:
            done = until(
                lambda run=run: client.get(f"/runs/{run['id']}").json(), lambda r: r["finished_at"]
            )
            assert done["status"] == "completed"
