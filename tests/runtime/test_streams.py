"""Streams follow the journal: leave, come back, be slow; the text is whole and nothing is twice."""

from __future__ import annotations

from typing import Any

from tests.support.client import text_of

LONG = {"input": "Tell me everything you can do and 17*23", "stream": True}


def deltas(seen: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in seen if event["type"] == "message.delta")


def test_a_follower_that_drops_comes_back_to_the_same_text(api: Any) -> None:
    client = api("acme")
    with client.stream("POST", "/agents/assistant/runs", json=LONG) as stream:
        seen = [next(stream) for _ in range(3)]
    run_id, last = seen[0]["run_id"], seen[-1]["id"]
    with client.stream("GET", f"/runs/{run_id}/events", headers={"Last-Event-ID": last}) as stream:
        seen += list(stream)
    run = client.get(f"/runs/{run_id}").json()
    assert deltas(seen) == text_of(seen) == run["output"]
    ids = [event["id"] for event in seen]
    assert len(ids) == len(set(ids))
    assert [e["type"] for e in seen].count("run.started") == 1


def test_dropping_after_every_single_event(api: Any) -> None:
    client = api("acme")
    with client.stream(
        "POST", "/agents/assistant/runs", json={"input": "What is 17*23?", "stream": True}
    ) as stream:
        seen = [next(stream)]
    run_id = seen[0]["run_id"]
    while seen[-1]["type"] != "run.completed":
        with client.stream(
            "GET", f"/runs/{run_id}/events", headers={"Last-Event-ID": seen[-1]["id"]}
        ) as stream:
            seen.append(next(stream))
    assert "391" in deltas(seen)
    assert deltas(seen) == client.get(f"/runs/{run_id}").json()["output"]


def test_a_finished_run_is_told_from_the_journal_as_it_was_told_live(api: Any) -> None:
    client = api("acme")
    with client.stream("POST", "/agents/assistant/runs", json=LONG) as stream:
        live = list(stream)
    run_id = live[0]["run_id"]
    with client.stream("GET", f"/runs/{run_id}/events") as stream:
        told = list(stream)

    def discrete(seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [event for event in seen if event["type"] != "message.delta"]

    assert discrete(told) == discrete(live)
    assert deltas(told) == deltas(live)


def test_after_the_last_event_there_is_nothing(api: Any) -> None:
    client = api("acme")
    with client.stream("POST", "/agents/assistant/runs", json=LONG) as stream:
        live = list(stream)
    with client.stream(
        "GET",
        f"/runs/{live[0]['run_id']}/events",
        headers={"Last-Event-ID": live[-1]["id"]},
    ) as stream:
        assert list(stream) == []


def test_many_followers_of_one_run_see_the_same(api: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = api("acme")
    run = client.post(
        "/agents/assistant/runs", json={"input": "What can you do?", "background": True}
    ).json()

    def follow(_: int) -> str:
        with client.stream("GET", f"/runs/{run['id']}/events") as stream:
            return deltas(list(stream))

    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(follow, range(8)))
    assert told == {client.get(f"/runs/{run['id']}").json()["output"]}
