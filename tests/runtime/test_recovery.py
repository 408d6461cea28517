"""`kill -9` in the middle: the run finishes by itself afterwards, and no effect happens twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Api
from tests.support.server import FAST_MODEL, Server
from tests.support.waiting import until

# Slow enough to be killed between two words; what is started again need not be.
SLOW = {"DEMO_MODEL_FIRST_DELAY": "0.4", "DEMO_MODEL_DELAY": "0.4"}


@pytest.fixture
def own_server(database: None) -> Iterator[Server]:
    with Server.started(SLOW) as server:
        yield server


def started_note(client: Api, text: str) -> str:
    """A run whose note is written while the model is still to answer."""
    with client.stream(
        "POST",
        "/agents/assistant/runs",
        json={"input": f"Create a note saying {text}", "stream": True},
    ) as stream:
        for event in stream:
            if event["type"] == "tool.completed":
                return str(event["run_id"])
    raise AssertionError("no tool was called")


def notes(server: Server, tenant: str, text: str) -> int:
    from tenants.context import use_shared, use_tenant
    from tenants.models import Tenant

    with use_shared():
        ref = Tenant.objects.get(schema_name=tenant).ref
    with use_tenant(ref):
        from agents.models import Note

        return Note.objects.filter(text__contains=text).count()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_run_killed_after_its_note_completes_with_one_note(
    committed: None, kind: str, request: pytest.FixtureRequest
) -> None:
    text = f"buy milk {kind}"
    with Server.started(SLOW, kind=kind) as server:
        clients = {tenant: Api.signed_in(server, tenant, "member") for tenant in ("acme", "globex")}
        runs = {tenant: started_note(client, text) for tenant, client in clients.items()}
        server.kill()
        server.start(**FAST_MODEL)
        for tenant, client in clients.items():
            run = until(
                lambda client=client, tenant=tenant: client.get(f"/runs/{runs[tenant]}").json(),
                lambda run: run["finished_at"],
            )
            assert run["status"] == "completed", run
            steps = client.get(f"/runs/{run['id']}/steps").json()["items"]
            assert [step["kind"] for step in steps] == ["model", "tool", "model"]
            assert notes(server, tenant, text) == 1


def test_a_follower_of_a_killed_run_comes_back_and_hears_its_end(own_server: Server) -> None:
    client = Api.signed_in(own_server, "acme", "member")
    with client.stream(
        "POST",
        "/agents/assistant/runs",
        json={"input": "What is 17*23?", "stream": True},
    ) as stream:
        seen: list[dict[str, Any]] = []
        for event in stream:
            seen.append(event)
            if event["type"] == "message.delta":
                break
    own_server.kill()
    own_server.start(**FAST_MODEL)
    with client.stream(
        "GET",
        f"/runs/{seen[0]['run_id']}/events",
        headers={"Last-Event-ID": seen[-1]["id"]},
    ) as stream:
        rest = list(stream)
    assert rest[-1]["type"] == "run.completed" and "391" in rest[-1]["output"]
    assert [event["type"] for event in rest].count("tool.started") == 0
    again = [event for event in rest if event["type"] == "message.delta"]
    assert again[0]["offset"] == 0 and again[0]["attempt"] > seen[-1]["attempt"]


def test_a_cancel_asked_for_while_nobody_held_the_run_is_heard(
    hanging: str, own_server: Server
) -> None:
    client = Api.signed_in(own_server, "acme", "member")
    body = {"input": "Hello", "stream": True}
    with client.stream("POST", f"/agents/{hanging}/runs", json=body) as stream:
        run_id = next(event["run_id"] for event in stream if event["type"] == "message.delta")
    own_server.kill()
    own_server.start()
    answer = client.post(f"/runs/{run_id}/cancel")
    assert answer.status_code == 200, answer.text
    run = until(lambda: client.get(f"/runs/{run_id}").json(), lambda run: run["finished_at"])
    assert run["status"] == "cancelled", run
