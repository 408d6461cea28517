"""Bad input gets a clear problem, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_auth import is_problem

RUNS = "/agents/assistant/runs"


def count(client: Any) -> tuple[int, int]:
    return (
        client.get("/runs?count=true&limit=1").json()["count"],
        client.get("/sessions?count=true&limit=1").json()["count"],
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{broken", 400, "malformed_json"),
        (b"", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"input": ""}', 422, "input_empty"),
        (b'{"input": "  \\n"}', 422, "input_empty"),
        (b'{"input": 5}', 422, "invalid"),
        (b'{"input": null}', 422, "invalid"),
        (b'{"input": "x", "session_id": "not-a-uuid"}', 422, "invalid"),
        (b'{"input": "x", "stream": "perhaps"}', 422, "invalid"),
        (b'{"input": "x", "surprise": 1}', 422, "invalid"),
        (b'{"input": "x", "revision": 0}', 422, "invalid"),
        (b'{"input": "nul \\u0000 inside"}', 422, "input_nul"),
        (b'{"input": "' + b"x" * 200_000 + b'"}', 422, "input_too_long"),
        (b'{"input": "' + b"x" * 10_000_000 + b'"}', 413, "too_large"),
        (b"\xff\xfe\x00", 400, "malformed_json"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_body(api: Any, body: bytes, status: int, code: str) -> None:
    client = api("acme", "builder")
    before = count(client)
    answer = client.post(RUNS, content=body, headers={"Content-Type": "application/json"})
    is_problem(answer, status, code)
    assert count(client) == before


def test_the_problem_names_the_field(api: Any) -> None:
    answer = api("acme").post(RUNS, json={"input": 5})
    assert answer.json()["errors"][0]["loc"] == ["body", "input"]


def test_unknown_places(api: Any) -> None:
    client = api("acme")
    before = count(client)
    is_problem(client.post("/agents/nobody/runs", json={"input": "x"}), 404, "unknown_component")
    is_problem(client.get("/nothing/here"), 404, "no_route")
    is_problem(client.get("/runs/not-a-uuid"), 404, "no_route")
    wrong_method = client.http.put("/agents")
    is_problem(wrong_method, 405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "GET"
    unknown = "01890000-0000-7000-8000-000000000000"
    is_problem(client.get(f"/runs/{unknown}"), 404, "unknown_run")
    is_problem(client.get(f"/sessions/{unknown}"), 404, "unknown_session")
    is_problem(
        client.post(RUNS, json={"input": "x", "session_id": unknown}), 404, "unknown_session"
    )
    assert count(client) == before


def test_a_session_of_another_member_can_neither_be_seen_nor_used(api: Any) -> None:
    theirs = api("acme", "owner").run("What is 1+1?")["session_id"]
    client = api("acme", "member")
    before = count(client)
    is_problem(client.get(f"/sessions/{theirs}"), 404, "unknown_session")
    is_problem(client.get(f"/sessions/{theirs}/messages"), 404, "unknown_session")
    is_problem(
        client.http.patch(f"/sessions/{theirs}", json={"title": "x"}), 404, "unknown_session"
    )
    is_problem(client.http.delete(f"/sessions/{theirs}"), 404, "unknown_session")
    is_problem(client.post(RUNS, json={"input": "x", "session_id": theirs}), 404, "unknown_session")
    assert count(client) == before


def test_an_idempotency_key_that_is_too_long(api: Any) -> None:
    answer = api("acme").post(RUNS, json={"input": "x"}, headers={"Idempotency-Key": "k" * 201})
    is_problem(answer, 422, "idempotency_key")
