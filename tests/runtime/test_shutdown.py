"""A server that is told to stop lets its runs go at once, and says nothing ugly."""

from __future__ import annotations

import pytest

from agents.tickets.models import Ticket
from tests.support.client import Api
from tests.support.server import FAST_MODEL, Server


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
def test_a_stopped_servers_run_goes_on_in_the_next_one(committed: None, kind: str) -> None:
    slow = {"DEMO_MODEL_FIRST_DELAY": "0.3", "DEMO_MODEL_DELAY": "0.3"}
    with Server.started(slow, kind=kind) as server:
        client = Api.signed_in(server, "acme", "member")
        run = client.post(
            "/agents/assistant/runs", json={"input": "What is 17*23?", "background": True}
        ).json()
        stopped = f"/{server.processes[0].pid}/"
        server.stop()
        said = server.log.read_text()
        assert "Traceback" not in said and "Unclosed" not in said, said
        # Free, or already another executor's; or even finished by one.
        ticket = Ticket.objects.filter(run_id=run["id"]).first()
        assert ticket is None or stopped not in ticket.owner, said
        server.start(**FAST_MODEL)
        with client.stream("GET", f"/runs/{run['id']}/events") as stream:
            assert list(stream)[-1]["type"] == "run.completed"
