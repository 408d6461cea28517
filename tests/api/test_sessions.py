"""Conversations: what the model is shown of them, titles, rename and delete."""

from __future__ import annotations

from typing import Any

from tests.api.test_auth import is_problem


def test_a_session_remembers_what_was_said(api: Any) -> None:
    client = api("acme")
    first = client.run("My name is Ada.")
    second = client.run("What is my name?", session_id=first["session_id"])
    assert "Ada" in second["output"]
    assert "Ada" not in client.run("What is my name?")["output"]
    messages = client.get(f"/sessions/{first['session_id']}/messages").json()["items"]
    assert [message["role"] for message in messages] == ["assistant", "user"] * 2
    assert messages[-1]["content"] == "My name is Ada."


def test_a_session_has_a_title_from_its_first_message(api: Any) -> None:
    client = api("acme")
    run = client.run("what is 6*7? and some more words after it")
    path = f"/sessions/{run['session_id']}"
    assert client.get(path).json()["title"] == "What is 6*7?"
    client.run("And 2+2?", session_id=run["session_id"])
    assert client.get(path).json()["title"] == "What is 6*7?"


def test_rename_and_delete(api: Any) -> None:
    client = api("acme")
    run = client.run("What is 1+1?")
    path = f"/sessions/{run['session_id']}"
    renamed = client.http.patch(path, json={"title": "  Sums   and more "})
    assert renamed.json()["title"] == "Sums and more"
    is_problem(client.http.patch(path, json={"title": " "}), 422, "title")
    is_problem(client.http.patch(path, json={"title": "x" * 201}), 422, "title")
    assert client.get(path).json()["title"] == "Sums and more"
    assert client.http.delete(path).status_code == 204
    is_problem(client.get(path), 404, "unknown_session")
    is_problem(client.get(f"/runs/{run['id']}"), 404, "unknown_run")


def test_the_session_used_last_comes_first(api: Any) -> None:
    client = api("globex", "builder")
    first, second = client.run("What is 1+1?"), client.run("What is 2+2?")
    client.run("And 3+3?", session_id=first["session_id"])
    listed = [item["id"] for item in client.get("/sessions").json()["items"]]
    assert listed[:2] == [first["session_id"], second["session_id"]]
    page = client.get("/sessions?limit=1").json()
    rest = client.get(f"/sessions?limit=1&cursor={page['next']}").json()
    assert [page["items"][0]["id"], rest["items"][0]["id"]] == listed[:2]


def test_two_tenants_have_their_own(api: Any) -> None:
    run = api("acme").run("What is 1+1?")
    is_problem(api("globex").get(f"/sessions/{run['session_id']}"), 404, "unknown_session")
