"""Each mode over HTTP: who is asked, what comes of it, and what a member's failure is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.teams.making import NOTES, SUMS, Crew, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
TENANTS = ("acme", "globex")


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_leader_that_routes_gives_the_whole_request_to_the_member_it_fits(
    api: Any, tenant: str
) -> None:
    crew = Crew(tenant)
    counter = crew.agent("counter", SUMS, "calculator")
    scribe = crew.agent("scribe", NOTES, "create_note")
    slug = crew.team("desk", "route", scribe, counter)
    client = api(tenant)
    run = run_team(client, slug, "Calculate 17*23.")
    assert run["status"] == "completed" and "391" in run["output"]
    assert run["component"] == {"kind": "team", "slug": slug, "revision": 1}
    [child] = tree(client, run["id"])["children"]
    assert child["output"] == run["output"]
    assert child["component"]["slug"] == counter and child["parent_run_id"] == run["id"]
    assert (child["depth"], child["session_id"]) == (1, run["session_id"])
    assert [step["kind"] for step in steps(client, run["id"])] == ["model", "delegation"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_coordinating_leader_gives_each_its_part_and_sums_up(api: Any, tenant: str) -> None:
    crew = Crew(tenant)
    scribe = crew.agent("scribe", NOTES, "create_note")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("crew", "coordinate", scribe, counter)
    client = api(tenant)
    run = run_team(client, slug, f"Create a note saying milk {crew.mark}. Calculate 17*23.")
    assert run["status"] == "completed", run
    assert "391" in run["output"] and scribe in run["output"]
    assert crew.notes() == [f"milk {crew.mark}"]
    # What the leader passed, and nothing else of what was said; who begins first is open.
    children = tree(client, run["id"])["children"]
    assert {child["component"]["slug"]: child["input"] for child in children} == {
        scribe: f"Create a note saying milk {crew.mark}.",
        counter: "Calculate 17*23.",
    }
    assert [step["kind"] for step in steps(client, run["id"])] == [
        "model",
        "delegation",
        "delegation",
        "model",
    ]


@pytest.mark.parametrize("tenant", TENANTS)
def test_everyone_is_asked_in_a_broadcast_and_a_failure_is_a_result(api: Any, tenant: str) -> None:
    crew = Crew(tenant)
    counter = crew.agent("counter", SUMS, "calculator")
    clumsy = crew.agent("clumsy", SUMS, "calculator", max_turns=1)
    slug = crew.team("panel", "broadcast", clumsy, counter)
    client = api(tenant)
    run = run_team(client, slug, "Calculate 17*23.")
    assert run["status"] == "completed", run
    assert "391" in run["output"] and "clumsy" in run["output"]
    children = tree(client, run["id"])["children"]
    assert sorted(child["status"] for child in children) == ["completed", "failed"]
    journal = steps(client, run["id"])
    assert [step["kind"] for step in journal] == ["delegation", "delegation", "model"]
    failed = next(step for step in journal if step["error"])
    assert failed["error"]["code"] == "limit_turns"


def test_what_members_use_is_in_the_sum_of_their_team_and_counted_once(api: Any) -> None:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("desk", "coordinate", counter)
    client = api("acme")
    run = run_team(client, slug, "Calculate 17*23.")
    whole = run["usage"]["total_tokens"]
    own = sum(
        step["usage"]["input_tokens"] + step["usage"]["output_tokens"]
        for step in steps(client, run["id"])
    )
    [child] = tree(client, run["id"])["children"]
    assert whole == own and 0 < child["usage"]["total_tokens"] < whole


def test_a_team_in_a_team_answers_through_its_own_leader(api: Any) -> None:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    scribe = crew.agent("scribe", NOTES, "create_note")
    office = crew.team("office", "coordinate", counter, scribe, description=f"{SUMS} {NOTES}")
    slug = crew.team("house", "broadcast", office, counter)
    client = api("acme")
    run = run_team(client, slug, f"Calculate 6*7. Create a note saying {crew.mark}.")
    assert run["status"] == "completed", run
    runs = flat(tree(client, run["id"]))
    assert sorted(one["depth"] for one in runs) == [0, 1, 1, 2, 2]
    assert [one["component"]["kind"] for one in runs].count("team") == 2
    assert "42" in run["output"] and crew.notes() == [crew.mark]


def test_a_session_remembers_what_the_team_said_and_not_its_members(api: Any) -> None:
    crew = Crew("globex")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("desk", "route", counter)
    client = api("globex")
    first = run_team(client, slug, "Calculate 2*3.")
    again = run_team(client, slug, "Calculate 3*3.", session_id=first["session_id"])
    said = client.get(f"/sessions/{first['session_id']}/messages").json()["items"]
    assert sorted(one["content"] for one in said) == sorted(
        ["Calculate 2*3.", first["output"], "Calculate 3*3.", again["output"]]
    )
    listed = client.get("/runs", params={"session_id": first["session_id"]}).json()["items"]
    assert [one["id"] for one in listed] == [again["id"], first["id"]]
    below = client.get("/runs", params={"parent_run_id": first["id"]}).json()["items"]
    assert [one["component"]["slug"] for one in below] == [counter]
