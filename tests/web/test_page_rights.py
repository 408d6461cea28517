"""Who gets to see which page, over plain HTTP."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.support.client import PASSWORD

PAGES = [
    "/",
    "/account/",
    "/account/password/",
    "/sessions/",
    "/sessions/more/",
    "/chat/assistant/",
]


def _client(server: Any, tenant: str = "acme") -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}",
        headers={"Host": f"{tenant}.localhost:{server.port}"},
        timeout=60,
    )


def _sign_in(client: httpx.Client, username: str, password: str = PASSWORD, **fields: str) -> Any:
    client.get("/sign-in/")
    return client.post(
        "/sign-in/",
        data={
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
            **fields,
        },
    )


@pytest.fixture
def anyone(server: Any) -> Iterator[httpx.Client]:
    with _client(server) as client:
        yield client


@pytest.fixture
def member(server: Any) -> Iterator[httpx.Client]:
    with _client(server) as client:
        assert _sign_in(client, "member").status_code == 302
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_back(anyone: httpx.Client, path: str) -> None:
    answer = anyone.get(path)
    assert answer.status_code == 302
    assert answer.headers["location"] == f"/sign-in/?next={path}"


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(anyone: httpx.Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://acme.localhost/sessions/"}
    answer = anyone.get("/sessions/more/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in/?next=/sessions/"


def test_the_refusal_never_says_which_part_was_wrong(anyone: httpx.Client) -> None:
    known = _sign_in(anyone, "member", "wrong").text
    unknown = _sign_in(anyone, "nobody-at-all", "wrong").text
    shown = re.findall(r"<span>(That name.*?)</span>", known + unknown)
    assert len(shown) == 2
    assert shown[0] == shown[1]


@pytest.mark.parametrize("bad", ["https://example.com/", "//example.com/", "javascript:alert(1)"])
def test_next_never_leads_to_another_host(anyone: httpx.Client, bad: str) -> None:
    answer = _sign_in(anyone, "member", next=bad)
    assert answer.status_code == 302
    assert answer.headers["location"] == "/"


def test_next_leads_on_this_host(anyone: httpx.Client) -> None:
    assert _sign_in(anyone, "member", next="/account/").headers["location"] == "/account/"


def test_a_session_of_one_tenant_is_nothing_in_another(server: Any, member: httpx.Client) -> None:
    with _client(server, "globex") as other:
        other.cookies.update(member.cookies)
        answer = other.get("/")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/sign-in/")


def test_a_scope_that_is_missing_is_refused(server: Any) -> None:
    with _client(server) as auditor:
        _sign_in(auditor, "auditor")
        assert auditor.get("/").status_code == 200
        refused = auditor.get("/chat/assistant/")
    assert refused.status_code == 403
    assert "This page is not open to you" in refused.text


def test_what_does_not_exist_is_a_page_that_says_so(member: httpx.Client) -> None:
    nowhere = uuid.uuid4()
    for path in (
        "/nowhere/",
        "/chat/nobody/",
        f"/chat/assistant/{nowhere}/",
        f"/sessions/{nowhere}/",
    ):
        answer = member.get(path)
        assert answer.status_code == 404, path
        assert "There is nothing here" in answer.text
        assert answer.headers["x-trace-id"] in answer.text


def test_anothers_session_is_not_found(server: Any, api: Any, member: httpx.Client) -> None:
    session = api("acme", "builder").run("What is 2*3?")["session_id"]
    assert member.get(f"/chat/assistant/{session}/").status_code == 404
    for action in ("rename", "delete"):
        data = {"title": "mine", "csrfmiddlewaretoken": member.cookies["csrftoken"]}
        assert member.post(f"/sessions/{session}/{action}/", data=data).status_code == 404
    assert api("acme", "builder").get(f"/sessions/{session}").status_code == 200


def test_a_session_is_found_under_its_own_agent_and_leads_there_from_anothers(
    api: Any, member: httpx.Client
) -> None:
    session = api("acme", "member").run("What is 2*4?")["session_id"]
    assert member.get(f"/chat/assistant/{session}/").status_code == 200
    moved = member.get(f"/chat/another/{session}/")
    assert (moved.status_code, moved.headers["location"]) == (302, f"/chat/assistant/{session}/")


def test_changes_need_the_form_s_token(api: Any, member: httpx.Client) -> None:
    session = api("acme", "member").run("What is 2*5?")["session_id"]
    assert member.post(f"/sessions/{session}/delete/").status_code == 403
    assert member.get(f"/chat/assistant/{session}/").status_code == 200


def test_no_page_is_kept_by_a_cache_or_runs_inline_code(member: httpx.Client) -> None:
    for path in ("/", "/sessions/", "/chat/assistant/", "/account/"):
        answer = member.get(path)
        assert "no-store" in answer.headers["cache-control"]
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy and "style-src 'self';" in policy
        found = _Suspects()
        found.feed(answer.text)
        assert found.tags > 50
        assert found.suspects == []


class _Suspects(HTMLParser):
    """Finds code and style inside the page, and whatever would be fetched from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = 0
        self.suspects: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += 1
        named = dict(attrs)
        inline = [name for name in named if name == "style" or name.startswith("on")]
        addresses = [named.get(name) or "" for name in ("src", "href", "action")]
        foreign = [url for url in addresses if re.match(r"(?:[a-z]+:)?//|javascript:", url)]
        if inline or foreign or tag == "style" or (tag == "script" and "src" not in named):
            self.suspects.append(str(self.get_starttag_text()))


def test_a_bad_place_in_a_list_is_not_found(member: httpx.Client) -> None:
    assert member.get("/sessions/?after=nonsense").status_code == 404
    session = uuid.uuid4()
    assert member.get(f"/sessions/?after=2026-01-01T00:00:00~{session}").status_code == 404
