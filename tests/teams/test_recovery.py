"""`kill -9`, cancel and deadline in the middle of members' work: they reach every depth."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Api
from tests.support.server import FAST_MODEL, Server
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")

# Slow enough to be stopped between two words.
SLOW = {"DEMO_MODEL_FIRST_DELAY": "0.4", "DEMO_MODEL_DELAY": "0.4"}


def stopped_at(client: Api, slug: str, input: str, kind: str, depth: int) -> list[dict[str, Any]]:
    """The events of a run until one of this kind at this depth."""
    seen = []
    body = {"input": input, "stream": True}
    with client.stream("POST", f"/teams/{slug}/runs", json=body) as events:
        for event in events:
            seen.append(event)
            if event["type"] == kind and event["depth"] == depth:
                return seen
    raise AssertionError(f"no {kind} at depth {depth}")


@pytest.mark.parametrize("mode", ["route", "coordinate", "broadcast"])
def test_killed_after_a_member_s_note_the_run_completes_with_one_note(
    committed: None, mode: str
) -> None:
    with Server.started(SLOW) as server:
        seen: dict[str, list[dict[str, Any]]] = {}
        crews = {tenant: Crew(tenant) for tenant in ("acme", "globex")}
        for tenant, crew in crews.items():
            scribe = crew.agent("scribe", NOTES, "create_note")
            counter = crew.agent("counter", SUMS, "calculator")
            slug = crew.team("crew", mode, scribe, counter)
            client = Api.signed_in(server, tenant, "member")
            text = f"Create a note saying {crew.mark}"
            seen[tenant] = stopped_at(client, slug, text, "tool.completed", 1)
        server.kill()
        server.start(**FAST_MODEL)
        for tenant, crew in crews.items():
            client = Api.signed_in(server, tenant, "member")
            run = ended(client, seen[tenant][0]["run_id"])
            assert run["status"] == "completed", run
            assert crew.notes() == [crew.mark]
            begun = [
                event["child_run_id"]
                for event in seen[tenant]
                if event["type"] == "delegate.started"
            ]
            # The same child runs went on, and no step of any was done twice.
            runs = flat(tree(client, run["id"]))
            assert {one["id"] for one in runs[1:]} == set(begun)
            for one in runs:
                journal = steps(client, one["id"])
                assert {step["status"] for step in journal} == {"finished"}
                assert len({step["key"] for step in journal}) == len(journal)


def test_a_follower_comes_back_after_the_kill_and_hears_the_rest_once(committed: None) -> None:
    crew = Crew("acme")
    scribe = crew.agent("scribe", NOTES, "create_note")
    talker = crew.agent("talker", "Talks.")
    slug = crew.team("crew", "broadcast", scribe, talker)
    with Server.started(SLOW) as server:
        client = Api.signed_in(server, "acme", "member")
        text = f"Create a note saying {crew.mark}"
        seen = stopped_at(client, slug, text, "tool.completed", 1)
        server.kill()
        server.start(**FAST_MODEL)
        run_id = seen[0]["run_id"]
        headers = {"Last-Event-ID": seen[-1]["id"]}
        with client.stream("GET", f"/runs/{run_id}/events", headers=headers) as events:
            rest = list(events)
    assert rest[-1]["type"] == "run.completed" and rest[-1]["run_id"] == run_id
    both = [event for event in seen + rest if event["type"] not in ("message.delta",)]
    for kind in ("delegate.started", "delegate.completed", "tool.completed", "run.completed"):
        ids = [
            (event["run_id"], event["id"].split("~")[0]) for event in both if event["type"] == kind
        ]
        assert len(ids) == len(set(ids)) > 0, kind
    kinds = [event["type"] for event in both if event["run_id"] == run_id]
    assert kinds.count("delegate.started") == kinds.count("delegate.completed") == 2


def test_a_cancel_reaches_members_at_every_depth(committed: None) -> None:
    crew = Crew("globex")
    talker = crew.agent("talker", "Talks.")
    office = crew.team("office", "broadcast", talker, description="Talks.")
    slug = crew.team("house", "broadcast", talker, office)
    with Server.started({**SLOW, "DEMO_MODEL_DELAY": "5"}) as server:
        client = Api.signed_in(server, "globex", "member")
        seen = stopped_at(client, slug, "Tell me a long story, please.", "message.delta", 2)
        run_id, deepest = seen[0]["run_id"], seen[-1]["run_id"]
        refused = client.post(f"/runs/{deepest}/cancel")
        assert refused.status_code == 409 and refused.json()["type"].endswith(":child_run")
        assert refused.json()["root_run_id"] == run_id
        assert client.post(f"/runs/{run_id}/cancel").status_code == 200
        assert ended(client, run_id)["status"] == "cancelled"
        runs = flat(tree(client, run_id))
        assert len(runs) == 4
        assert {one["status"] for one in runs} == {"cancelled"}
        told = list(followed(client, run_id))
    assert [event["type"] for event in told].count("run.cancelled") == 4
    assert told[-1]["type"] == "run.cancelled" and told[-1]["run_id"] == run_id


def followed(client: Api, run_id: str) -> list[dict[str, Any]]:
    with client.stream("GET", f"/runs/{run_id}/events") as events:
        return list(events)


def test_a_team_s_deadline_ends_its_members_and_a_member_s_own_is_a_result(
    committed: None,
) -> None:
    crew = Crew("acme")
    talker = crew.agent("talker", "Talks.")
    hasty = crew.agent("hasty", "Talks.", max_seconds=1)
    late = crew.team("late", "broadcast", talker, max_seconds=2)
    mixed = crew.team("mixed", "broadcast", hasty)
    with Server.started({"DEMO_MODEL_DELAY": "1.5"}) as server:
        client = Api.signed_in(server, "acme", "member")
        run = run_team(client, late, "Tell me a long story, please.")
        assert (run["status"], run["error"]["code"]) == ("failed", "deadline")
        [child] = tree(client, run["id"])["children"]
        assert child["status"] in ("cancelled", "failed")
        assert child["error"]["code"] in ("parent_ended", "deadline")
        with client.stream(
            "POST", f"/teams/{mixed}/runs", json={"input": "A story, please.", "stream": True}
        ) as events:
            end = next(event for event in events if event["type"] == "delegate.completed")
        assert (end["status"], end["error"]["code"]) == ("failed", "deadline")
        assert client.post(f"/runs/{end['run_id']}/cancel").status_code == 200


def test_a_server_that_drains_hands_a_tree_over_between_steps(committed: None) -> None:
    crew = Crew("globex")
    scribe = crew.agent("scribe", NOTES, "create_note")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("crew", "broadcast", scribe, counter)
    with Server.started({"DEMO_MODEL_FIRST_DELAY": "0.3", "DEMO_MODEL_DELAY": "0.1"}) as server:
        client = Api.signed_in(server, "globex", "member")
        text = f"Create a note saying {crew.mark}. Calculate 17*23."
        seen = stopped_at(client, slug, text, "tool.completed", 1)
        server.stop()
        server.start()
        run = ended(Api.signed_in(server, "globex", "member"), seen[0]["run_id"])
        assert run["status"] == "completed", run
        client = Api.signed_in(server, "globex", "member")
        for one in flat(tree(client, run["id"])):
            assert {step["attempt"] for step in steps(client, one["id"])} == {1}
    assert crew.notes() == [crew.mark]
