"""The WebSocket: the same events as over SSE, authority per frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.client import text_of
from tests.support.server import Server


def opened(server: Server, tenant: str = "acme", **headers: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{server.port}/ws/runs/",
        additional_headers={"X-Tenant": tenant, **headers},
        proxy=None,
        open_timeout=60,
    )


def say(socket: ClientConnection, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def hear(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(socket.recv(timeout=60)))


def hear_to_end(socket: ClientConnection) -> list[dict[str, Any]]:
    seen = [hear(socket)]
    while seen[-1]["type"] not in ("run.completed", "run.failed", "run.cancelled"):
        seen.append(hear(socket))
    return seen


@contextmanager
def signed_in(server: Server, api: Any, tenant: str = "acme") -> Iterator[ClientConnection]:
    with opened(server, tenant) as socket:
        say(socket, action="authenticate", token=api(tenant).token, ref=1)
        assert hear(socket)["type"] == "ack"
        yield socket


def test_start_streams_the_same_events_as_sse(server: Server, api: Any) -> None:
    with signed_in(server, api) as socket:
        say(
            socket, action="start", kind="agents", slug="assistant", input="What is 17*23?", ref="a"
        )
        ack = hear(socket)
        assert (ack["type"], ack["action"], ack["ref"]) == ("ack", "start", "a")
        seen = hear_to_end(socket)
    assert "391" in text_of(seen)
    with api("acme").stream("GET", f"/runs/{ack['run_id']}/events") as stream:
        told = list(stream)
    assert [e for e in told if e["type"] != "message.delta"] == [
        e for e in seen if e["type"] != "message.delta"
    ]


def test_nothing_is_done_before_one_says_who_one_is(server: Server) -> None:
    with opened(server) as socket:
        say(socket, action="start", slug="assistant", input="x", ref=7)
        error = hear(socket)
        assert (error["type"], error["ref"], error["problem"]["status"]) == ("error", 7, 401)


def test_a_token_of_another_tenant_is_refused(server: Server, api: Any) -> None:
    with opened(server, "globex") as socket:
        say(socket, action="authenticate", token=api("acme").token)
        assert hear(socket)["problem"]["type"].endswith(":token_tenant")


def test_a_dropped_socket_goes_on_after_the_last_event(server: Server, api: Any) -> None:
    with signed_in(server, api) as socket:
        say(socket, action="start", slug="assistant", input="Tell me all you can do")
        ack = hear(socket)
        seen = [hear(socket) for _ in range(3)]
    with signed_in(server, api) as socket:
        say(socket, action="follow", run_id=ack["run_id"], last_event_id=seen[-1]["id"])
        assert hear(socket)["action"] == "follow"
        seen += hear_to_end(socket)
    output = api("acme").get(f"/runs/{ack['run_id']}").json()["output"]
    assert "".join(e["text"] for e in seen if e["type"] == "message.delta") == output


def test_cancel_by_socket(server: Server, api: Any, hanging: str) -> None:
    with signed_in(server, api) as socket:
        say(socket, action="start", slug=hanging, input="Tell me all you can do")
        run_id = hear(socket)["run_id"]
        say(socket, action="cancel", run_id=run_id, ref="stop")
        seen = [hear(socket)]
        while not {"ack", "run.cancelled"} <= {event["type"] for event in seen}:
            seen.append(hear(socket))
    assert api("acme").get(f"/runs/{run_id}").json()["status"] == "cancelled"


def test_another_members_or_tenants_run_can_not_be_followed(server: Server, api: Any) -> None:
    theirs = [api("acme", "owner").run("1+1?")["id"], api("globex").run("1+1?")["id"]]
    with signed_in(server, api) as socket:
        for run_id in theirs:
            for action in ("follow", "cancel"):
                say(socket, action=action, run_id=run_id)
                assert hear(socket)["problem"]["status"] == 404


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        "{}",
        '{"action": "dance"}',
        '{"action": "disconnect"}',
        '{"action": "follow"}',
        '{"action": "follow", "run_id": 5}',
        '{"action": "start", "slug": "assistant", "input": "x", "surprise": 1}',
        '{"action": "start", "slug": "assistant", "input": ""}',
        '{"action": "start", "slug": "nobody", "input": "x"}',
    ],
)
def test_a_bad_frame_is_answered_and_the_socket_goes_on(
    server: Server, api: Any, frame: str
) -> None:
    with signed_in(server, api) as socket:
        socket.send(frame)
        error = hear(socket)
        assert error["type"] == "error" and error["problem"]["status"] in (400, 404, 422)
        assert error["problem"]["detail"]
        say(socket, action="start", slug="assistant", input="What is 1+1?")
        assert hear(socket)["type"] == "ack"
        assert hear_to_end(socket)[-1]["type"] == "run.completed"


def test_a_browser_is_known_by_its_session_and_only_on_its_own_host(server: Server) -> None:
    base = f"http://127.0.0.1:{server.port}"
    host = {"Host": f"acme.localhost:{server.port}"}
    with httpx.Client(base_url=base, headers=host) as browser:
        page = browser.get("/sign-in/")
        token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        cookie = f"csrftoken={page.cookies['csrftoken']}"
        answer = browser.post(
            "/sign-in/",
            data={
                "username": "member",
                "password": "demo-demo",
                "csrfmiddlewaretoken": token,
            },
            headers={"Cookie": cookie},
        )
        assert answer.status_code == 302, answer.text
        session = answer.cookies["sessionid"]
    with opened(server, Cookie=f"sessionid={session}") as socket:
        say(socket, action="start", slug="assistant", input="What is 1+1?")
        assert hear(socket)["type"] == "ack"
    with opened(server, "globex", Cookie=f"sessionid={session}") as socket:
        say(socket, action="start", slug="assistant", input="What is 1+1?")
        assert hear(socket)["problem"]["status"] == 401


def test_a_page_of_another_origin_can_not_open_the_socket(server: Server) -> None:
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        opened(server, Origin="http://evil.example") as socket,
    ):
        hear(socket)


def test_a_page_of_another_tenant_can_not_open_the_socket(server: Server) -> None:
    host, sibling = f"acme.localhost:{server.port}", f"http://globex.localhost:{server.port}"
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        opened(server, Host=host, Origin=sibling) as socket,
    ):
        hear(socket)


def test_an_unknown_tenant_has_no_socket(server: Server) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), opened(server, "nowhere") as socket:
        hear(socket)
