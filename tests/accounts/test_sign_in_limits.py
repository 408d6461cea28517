"""Guessing passwords is paused, by account, place and address; nobody can lock another out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tenants.accounts.models import KnownPlace, Member, TryCount
from tenants.context import TenantRef, use_tenant
from tests.conftest import _ref
from tests.support.client import PASSWORD
from tests.support.server import Server

# Small figures, and a proxy in front that tells whose request it is.
LIMITS = {
    "TRUSTED_PROXIES": "1",
    "SIGN_IN_TRIES": "3",
    "SIGN_IN_ACCOUNT_TRIES": "5",
    "SIGN_IN_ADDRESS_TRIES": "6",
    "SIGN_IN_PAUSE_SECONDS": "600",
    "SIGN_IN_ACCOUNT_PAUSE_SECONDS": "600",
}


@pytest.fixture(scope="module")
def limited(database: None) -> Iterator[Server]:
    with Server.started(LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def second(limited: Server) -> Iterator[Server]:
    """Another process over the same database."""
    with Server.started(LIMITS) as server:
        yield server


@pytest.fixture
def refs(committed: None) -> Iterator[dict[str, TenantRef]]:
    found = {slug: _ref(slug) for slug in ("acme", "globex")}
    yield found
    for ref in found.values():
        with use_tenant(ref):
            TryCount.objects.all().delete()
            KnownPlace.objects.all().delete()


@pytest.fixture
def name(refs: dict[str, TenantRef]) -> Iterator[str]:
    """A fresh member of both tenants, with the demo's password."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    for ref in refs.values():
        with use_tenant(ref):
            Member.objects.create_user(name, PASSWORD)
    yield name
    for ref in refs.values():
        with use_tenant(ref):
            Member.objects.filter(username=name).delete()


def fresh_address() -> str:
    """One that no other test has used."""
    parts = uuid.uuid4().bytes[:3]
    return "10." + ".".join(map(str, parts))


@pytest.fixture
def browser(limited: Server) -> Iterator[Callable[..., Browser]]:
    """`browser(address, door)`: a visitor who comes from there, for one test."""
    made: list[Browser] = []

    def arrives(address: str, door: str = "/sign-in/", tenant: str = "acme") -> Browser:
        made.append(Browser(limited, address, door, tenant))
        return made[-1]

    yield arrives
    for found in made:
        found.http.close()


def ask(
    server: Server, name: str, password: str, address: str, tenant: str = "acme"
) -> httpx.Response:
    return httpx.post(
        f"http://127.0.0.1:{server.port}/api/v1/auth/token",
        headers={"X-Tenant": tenant, "X-Forwarded-For": address},
        json={"username": name, "password": password},
        timeout=60,
    )


def statuses(server: Server, name: str, address: str, times: int) -> list[int]:
    return [ask(server, name, "wrong", address).status_code for _ in range(times)]


class Browser:
    """A sign-in page's visitor with cookies, at some address."""

    def __init__(self, server: Server, address: str, door: str, tenant: str) -> None:
        self.door = door
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Host": f"{tenant}.localhost:{server.port}", "X-Forwarded-For": address},
            timeout=60,
        )

    def sign_in(self, name: str, password: str) -> httpx.Response:
        path = self.door + "?next=/"
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', self.http.get(path).text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": name, "password": password}
        return self.http.post(path, data=form)

    def forget_session(self) -> None:
        self.http.cookies.delete("sessionid")


def test_after_some_wrong_passwords_the_right_one_has_to_wait(limited: Server, name: str) -> None:
    here = fresh_address()
    assert statuses(limited, name, here, 4) == [401, 401, 401, 429]
    answer = ask(limited, name, PASSWORD, here)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 600
    problem = answer.json()
    assert problem["type"] == "urn:concord:problem:sign_in_paused"
    assert problem["retry_after"] == int(answer.headers["retry-after"])
    assert "Try again in 10 minutes" in problem["detail"]


def test_somebody_elses_guesses_do_not_keep_a_member_out(limited: Server, name: str) -> None:
    statuses(limited, name, fresh_address(), 4)
    assert ask(limited, name, PASSWORD, fresh_address()).status_code == 200


def test_a_pause_in_one_tenant_is_none_in_another(limited: Server, name: str) -> None:
    here = fresh_address()
    assert statuses(limited, name, here, 4)[-1] == 429
    assert ask(limited, name, PASSWORD, here, "globex").status_code == 200


def test_the_right_password_starts_the_count_anew(limited: Server, name: str) -> None:
    here = fresh_address()
    for _ in range(2):
        assert statuses(limited, name, here, 2) == [401, 401]
        assert ask(limited, name, PASSWORD, here).status_code == 200


def test_an_unknown_name_is_answered_like_a_known_one(limited: Server, name: str) -> None:
    nobody = f"nobody-{uuid.uuid4().hex[:8]}"
    answers = {}
    for who in (name, nobody):
        here = fresh_address()
        answers[who] = [ask(limited, who, "wrong", here) for _ in range(4)]
    shown = [
        [(a.status_code, a.json()["title"], a.json()["detail"]) for a in found]
        for found in answers.values()
    ]
    assert shown[0] == shown[1]


def test_an_address_that_tries_many_accounts_is_paused(limited: Server, name: str) -> None:
    here = fresh_address()
    tried = [ask(limited, f"n-{uuid.uuid4().hex}", "x", here).status_code for _ in range(7)]
    assert tried == [401] * 6 + [429]
    assert ask(limited, name, PASSWORD, here).status_code == 429
    assert ask(limited, name, PASSWORD, fresh_address()).status_code == 200


def test_guesses_from_everywhere_pause_strange_places_only(limited: Server, name: str) -> None:
    home = fresh_address()
    assert ask(limited, name, PASSWORD, home).status_code == 200
    guesses = [ask(limited, name, "wrong", fresh_address()).status_code for _ in range(6)]
    assert guesses == [401] * 5 + [429]
    assert ask(limited, name, PASSWORD, fresh_address()).status_code == 429
    assert ask(limited, name, PASSWORD, home).status_code == 200


def test_a_browser_that_is_known_gets_in_from_an_address_that_is_paused(
    limited: Server, name: str, browser: Any
) -> None:
    office = fresh_address()
    known = browser(office)
    assert known.sign_in(name, PASSWORD).status_code == 302
    assert "device" in known.http.cookies
    known.forget_session()
    # A colleague guesses at the member's account, then at everybody's.
    statuses(limited, name, office, 4)
    for _ in range(4):
        ask(limited, f"n-{uuid.uuid4().hex}", "x", office)
    assert browser(office).sign_in(name, PASSWORD).status_code == 429
    assert known.sign_in(name, PASSWORD).status_code == 302


def test_a_known_browser_is_itself_no_place_to_guess_without_end(
    limited: Server, name: str, browser: Any
) -> None:
    visitor = browser(fresh_address())
    assert visitor.sign_in(name, PASSWORD).status_code == 302
    visitor.forget_session()
    answers = [visitor.sign_in(name, "wrong").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def test_an_invented_device_is_nobodys(limited: Server, name: str, browser: Any) -> None:
    visitor = browser(fresh_address())
    tried = []
    for _ in range(4):
        visitor.http.cookies.set("device", uuid.uuid4().hex + "A" * 11)
        tried.append(visitor.sign_in(name, "wrong").status_code)
    assert tried == [200, 200, 200, 429]


@pytest.mark.parametrize("door", ["/sign-in/", "/admin/login/"])
def test_page_and_api_count_together_and_the_page_says_when(
    limited: Server, name: str, door: str, browser: Any
) -> None:
    here = fresh_address()
    visitor = browser(here, door)
    assert [visitor.sign_in(name, "wrong").status_code for _ in range(2)] == [200, 200]
    assert statuses(limited, name, here, 2) == [401, 429]
    page = visitor.sign_in(name, PASSWORD)
    assert page.status_code == 429 and 0 < int(page.headers["retry-after"]) <= 600
    assert "Too many tries to sign in. Try again in 10 minutes." in page.text


def test_an_ipv6_client_is_its_network(limited: Server, name: str) -> None:
    net = f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}"
    tried = [ask(limited, name, "wrong", f"{net}::{last}").status_code for last in range(1, 5)]
    assert tried == [401, 401, 401, 429]


def test_without_a_trusted_proxy_the_header_says_nothing(server: Server, name: str) -> None:
    tried = [ask(server, name, "wrong", fresh_address()).status_code for _ in range(11)]
    assert tried == [401] * 10 + [429]


def test_however_many_come_at_once_no_more_than_allowed_are_looked_at(
    limited: Server, second: Server, name: str
) -> None:
    here = fresh_address()

    def guess(number: int) -> int:
        return ask((limited, second)[number % 2], name, "wrong", here).status_code

    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(guess, range(24)))
    assert sorted(answers) == [401] * 3 + [429] * 21


def test_the_platforms_console_shares_the_limits(limited: Server, refs: Any, browser: Any) -> None:
    platform = _ref("platform")
    try:
        guesser = browser(fresh_address(), "/admin/login/", "platform")
        answers = [guesser.sign_in("root", "wrong").status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        elsewhere = browser(fresh_address(), "/admin/login/", "platform")
        assert elsewhere.sign_in("root", PASSWORD).status_code == 302
    finally:
        with use_tenant(platform):
            TryCount.objects.all().delete()
            KnownPlace.objects.all().delete()
