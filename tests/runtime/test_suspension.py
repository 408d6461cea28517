"""A suspended tenant's runs stop where they are and go on when it is active again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.tickets.models import Ticket
from tenants.context import use_shared
from tenants.models import Tenant
from tests.support.client import Api
from tests.support.server import Server
from tests.support.waiting import until

SLOW = {
    "DEMO_MODEL_FIRST_DELAY": "0.2",
    "DEMO_MODEL_DELAY": "0.25",
    "LEASE_RENEW_SECONDS": "0.2",
    "EXECUTOR_POLL_SECONDS": "0.2",
}


def set_state(state: str) -> None:
    with use_shared():
        tenant = Tenant.objects.get(schema_name="globex")
        tenant.state = state
        tenant.save()


@pytest.fixture
def globex_state(committed: None) -> Iterator[None]:
    yield
    set_state(Tenant.State.ACTIVE)


def test_a_live_run_waits_out_the_suspension(globex_state: None) -> None:
    with Server.started(SLOW) as server:
        theirs = Api.signed_in(server, "globex", "member")
        ours = Api.signed_in(server, "acme", "member")
        ask = {"input": "What is 17*23?", "background": True}
        suspended = theirs.post("/agents/assistant/runs", json=ask).json()["id"]
        other = ours.post("/agents/assistant/runs", json=ask).json()["id"]
        set_state(Tenant.State.SUSPENDED)
        until(lambda: Ticket.objects.get(run_id=suspended), lambda ticket: ticket.owner == "")
        done = until(lambda: ours.get(f"/runs/{other}").json(), lambda run: run["finished_at"])
        assert done["status"] == "completed"
        # Executors have looked for work many times by now: theirs is passed over.
        assert Ticket.objects.get(run_id=suspended).owner == ""

        set_state(Tenant.State.ACTIVE)
        run = until(
            lambda: theirs.get(f"/runs/{suspended}").json(), lambda run: run.get("finished_at")
        )
        assert run["status"] == "completed" and "391" in run["output"]
