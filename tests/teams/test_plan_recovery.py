"""`kill -9` in the middle of a plan, and while its result waits for a review."""

from __future__ import annotations

import pytest

from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.support.server import FAST_MODEL, Server
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, run_team, steps, tree
from tests.teams.test_recovery import SLOW, stopped_at

pytestmark = pytest.mark.usefixtures("committed")
TENANTS = ("acme", "globex")


def test_a_killed_plan_goes_on_and_nothing_of_it_is_done_twice(committed: None) -> None:
    crews = {tenant: Crew(tenant) for tenant in TENANTS}
    begun: dict[str, str] = {}
    with Server.started(SLOW) as server:
        for tenant, crew in crews.items():
            scribe = crew.agent("scribe", NOTES, "create_note")
            counter = crew.agent("counter", SUMS, "calculator")
            rule = {"check": "size(results) == 2", "why": "Both are wanted."}
            slug = crew.team("desk", "plan", scribe, counter, rules=[rule])
            client = Api.signed_in(server, tenant, "member")
            text = f"Create a note saying {crew.mark}. Then calculate 17*23."
            # The second has its plan and its note when it stops, the first only the plan.
            kind = "tool.completed" if tenant == "globex" else "delegate.started"
            depth = 1 if tenant == "globex" else 0
            begun[tenant] = stopped_at(client, slug, text, kind, depth)[0]["run_id"]
        server.kill()
        server.start(**FAST_MODEL)
        for tenant, crew in crews.items():
            client = Api.signed_in(server, tenant, "member")
            run = ended(client, begun[tenant])
            assert run["status"] == "completed" and "391" in run["output"], run
            assert crew.notes() == [crew.mark]
            runs = flat(tree(client, run["id"]))
            assert len(runs) == 3
            for one in runs:
                journal = steps(client, one["id"])
                assert {step["status"] for step in journal} == {"finished"}
                assert len({step["key"] for step in journal}) == len(journal)


def test_a_review_outlives_its_server(committed: None) -> None:
    crew = Crew("globex")
    counter = crew.agent("counter", SUMS, "calculator")
    rule = {"check": 'input == ""', "why": "Never.", "escalate": True}
    slug = crew.team("desk", "plan", counter, rules=[rule])
    with Server.started() as server:
        run = run_team(Api.signed_in(server, "globex", "member"), slug, "Calculate 17*23.")
        assert run["status"] == "needs_review"
        server.kill()
        server.start()
        approver = Api.signed_in(server, "globex", "approver")
        [asked] = waiting(approver, run["id"])
        assert decide(approver, asked["id"], "approve").status_code == 200
        member = Api.signed_in(server, "globex", "member")
        done = ended(member, run["id"])
        assert done["status"] == "completed" and "391" in done["output"]
        with member.stream("GET", f"/runs/{run['id']}/events") as events:
            told = [event for event in events if event["run_id"] == run["id"]]
    paused = next(event for event in told if event["type"] == "run.paused")
    assert paused["status"] == "needs_review"
    assert [event["type"] for event in told].count("approval.decided") == 1
    assert told[-1]["type"] == "run.completed"


@pytest.mark.parametrize("mode", ["plan", "tasks"])
def test_a_server_that_drains_hands_over_what_begins_by_itself(committed: None, mode: str) -> None:
    crew = Crew("acme")
    scribe = crew.agent("scribe", NOTES, "create_note")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("desk", mode, scribe, counter)
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "0.3", "DEMO_MODEL_DELAY": "0.1"}) as server:
        client = Api.signed_in(server, "acme", "member")
        text = f"Create a note saying {crew.mark}. Then calculate 17*23."
        seen = stopped_at(client, slug, text, "tool.completed", 1)
        server.stop()
        server.start()
        client = Api.signed_in(server, "acme", "member")
        run = ended(client, seen[0]["run_id"])
        assert run["status"] == "completed" and "391" in run["output"], run
        for one in flat(tree(client, run["id"])):
            assert {step["attempt"] for step in steps(client, one["id"])} == {1}
    assert crew.notes() == [crew.mark]
