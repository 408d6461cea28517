"""One stream for a whole tree: live and replayed the same, and any id gives exactly the rest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Api, text_of
from tests.teams.making import NOTES, SUMS, Crew

pytestmark = pytest.mark.usefixtures("committed")


def streamed(client: Api, slug: str, input: str) -> list[dict[str, Any]]:
    body = {"input": input, "stream": True}
    with client.stream("POST", f"/teams/{slug}/runs", json=body) as events:
        return list(events)


def followed(client: Api, run_id: str, after: str | None = None) -> list[dict[str, Any]]:
    headers = {"Last-Event-ID": after} if after else {}
    with client.stream("GET", f"/runs/{run_id}/events", headers=headers) as events:
        return list(events)


def told(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """All but pieces of text; of an id what doesn't depend on who reads how fast."""
    return [
        (event["id"].split("~")[0], event["type"], event["run_id"], event["depth"])
        for event in events
        if event["type"] != "message.delta"
    ]


def texts(events: list[dict[str, Any]]) -> dict[tuple[str, int], str]:
    """What a client that only appends has of each message."""
    found: dict[tuple[str, int], str] = {}
    for event in events:
        if event["type"] == "message.delta":
            key = (event["run_id"], event["step"])
            assert len(found.get(key, "")) == event["offset"], event
            found[key] = found.get(key, "") + event["text"]
    return found


@pytest.fixture
def panel(committed: None) -> Crew:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    talker = crew.agent("talker", "Talks.")
    crew.team("panel", "broadcast", counter, talker, counter_team(crew))
    return crew


def counter_team(crew: Crew) -> str:
    adder = crew.agent("adder", SUMS, "calculator")
    return crew.team("sums", "coordinate", adder, description=SUMS)


def test_the_events_of_members_come_in_the_stream_of_their_team(api: Any, panel: Crew) -> None:
    events = streamed(api("acme"), f"panel-{panel.mark}", "Calculate 17*23.")
    root = events[0]["run_id"]
    assert [events[0]["type"], events[-1]["type"]] == ["run.started", "run.completed"]
    assert events[-1]["run_id"] == root and "391" in events[-1]["output"]
    begun = [event for event in events if event["type"] == "delegate.started"]
    asked = [event["member"]["name"] for event in begun if event["run_id"] == root]
    assert sorted(asked) == ["counter", "sums", "talker"]
    started = {event["run_id"]: event for event in events if event["type"] == "run.started"}
    assert set(started) == {root, *(event["child_run_id"] for event in begun)}
    # Those who begin together are told of in one write: each with its run's beginning right after.
    for event in begun:
        told = events[events.index(event) + 1]
        assert (told["type"], told["run_id"]) == ("run.started", event["child_run_id"])
    for event in begun:
        child = started[event["child_run_id"]]
        assert child["parent_run_id"] == event["run_id"]
        assert child["depth"] == event["depth"] + 1
        assert child["component"]["slug"] == event["member"]["slug"]
    ends = [event for event in events if event["type"] == "delegate.completed"]
    assert sorted(event["child_run_id"] for event in ends) == sorted(
        event["child_run_id"] for event in begun
    )
    assert all(event["status"] == "completed" and event["error"] is None for event in ends)
    places = [tuple(map(int, event["id"].split("~")[0].split("."))) for event in events]
    assert places == sorted(places)


def test_replayed_the_stream_is_the_same_and_each_id_gives_exactly_the_rest(
    api: Any, panel: Crew
) -> None:
    client = api("acme")
    live = streamed(client, f"panel-{panel.mark}", "Calculate 17*23.")
    run_id = live[0]["run_id"]
    again = followed(client, run_id)
    assert told(again) == told(live)
    assert texts(again) == texts(live)
    for at, event in enumerate(live):
        rest = followed(client, run_id, event["id"])
        assert told(live[: at + 1]) + told(rest) == told(live), event
        assert texts(live[: at + 1] + rest) == texts(live), event


def test_a_member_s_run_can_be_followed_by_itself(api: Any, panel: Crew) -> None:
    client = api("acme")
    live = streamed(client, f"panel-{panel.mark}", "Calculate 17*23.")
    root = live[0]["run_id"]
    nested = next(
        event["child_run_id"]
        for event in live
        if event["type"] == "delegate.started" and event["member"]["name"] == "sums"
    )
    below = {nested} | {event["run_id"] for event in live if event.get("parent_run_id") == nested}
    own = followed(client, nested)
    assert told(own) == told([event for event in live if event["run_id"] in below])
    assert own[-1]["type"] == "run.completed" and own[-1]["run_id"] == nested != root


def test_who_is_routed_to_streams_the_answer_as_it_is(api: Any) -> None:
    crew = Crew("globex")
    counter = crew.agent("counter", SUMS, "calculator")
    scribe = crew.agent("scribe", NOTES, "create_note")
    slug = crew.team("desk", "route", scribe, counter)
    events = streamed(api("globex"), slug, "Calculate 17*23.")
    assert text_of(events) == events[-1]["output"]
    deltas = [event for event in events if event["type"] == "message.delta"]
    assert {event["component"]["slug"] for event in deltas} == {counter}
    assert len(deltas) > 1
