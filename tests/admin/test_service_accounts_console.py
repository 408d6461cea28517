"""Service accounts in the console: made, given keys that are shown once, suspended."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect

from tests.admin.console import Console, words
from tests.admin.test_members_console import PASSWORD, add, page_of, role_ids
from tests.api.test_auth import is_problem
from tests.support.client import Api
from tests.support.server import Server
from tests.web.browsing import PHONE, Visits

Consoles = Callable[..., Console]
Visitor = Callable[..., Console]
ACCOUNTS = "/admin/accounts/serviceaccount/"
_DRAWN = "() => new Promise((on) => requestAnimationFrame(() => requestAnimationFrame(on)))"


@pytest.fixture
def owner(console: Consoles) -> Console:
    return console("acme", "owner")


def new_account(owner: Console, *roles: str) -> tuple[str, str]:
    """A new service account: its change page and its username."""
    username = f"s{uuid4().hex[:10]}"
    ids = role_ids(owner)
    answer = owner.post(
        f"{ACCOUNTS}add/",
        {
            "username": username,
            "name": username.upper(),
            "is_active": "on",
            "groups": [ids[role] for role in roles],
            "_continue": "1",
        },
    )
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"], username


def new_key(owner: Console, page: str, *scopes: str, **fields: Any) -> str:
    answer = owner.post(
        page.replace("/change/", "/new-key/"),
        {"name": "ci", "scopes": list(scopes), "expires": "30", "rate": "", **fields},
    )
    assert answer.status_code == 200, words(answer.text)
    assert "no-store" in answer.headers["cache-control"]
    found = re.search(r'id="api-key"[^>]*value="(ck_acme_\w+)"', answer.text)
    assert found is not None, words(answer.text)
    return found[1]


def test_a_key_is_shown_once_works_and_is_revoked(server: Server, owner: Console) -> None:
    page, username = new_account(owner, "integrator")
    key = new_key(owner, page, "agents:run", "profile:read")
    client = Api(server, "acme", key)
    assert client.get("/me").json()["scopes"] == ["agents:run", "profile:read"]
    listed = owner.get(page).text
    assert key not in listed and key.rpartition("_")[0] in listed
    for place in (page.replace("/change/", "/history/"), ACCOUNTS, page):
        assert key.rpartition("_")[2] not in owner.get(place).text
    assert "1" in owner.page(f"{ACCOUNTS}?q={username}")
    revoke = re.findall(rf"{ACCOUNTS}\d+/keys/\d+/revoke/", listed)[0]
    assert "There is no way back" in owner.page(revoke)
    assert client.get("/me").status_code == 200
    assert "is revoked" in owner.told(owner.post(revoke))
    is_problem(client.get("/me"), 401, "token_revoked")
    assert "revoked" in owner.page(page) and revoke not in owner.get(page).text
    history = owner.page(page.replace("/change/", "/history/"))
    assert "made." in history and "revoked." in history


def test_a_key_offers_what_the_account_may_and_says_what_is_wrong(owner: Console) -> None:
    page, _ = new_account(owner, "integrator")
    form = page.replace("/change/", "/new-key/")
    shown = owner.get(form).text
    assert 'value="agents:run"' in shown and 'value="members:write"' not in shown
    for wrong, said in (
        ({"name": ""}, "required"),
        ({"scopes": []}, "required"),
        ({"scopes": ["members:write"]}, "not one of the available choices"),
        ({"rate": "0"}, "greater than or equal to 1"),
        ({"name": " "}, "required"),
    ):
        body = {"name": "x", "scopes": ["agents:run"], "expires": "30", **wrong}
        answer = owner.post(form, body)
        assert answer.status_code == 200 and said in words(answer.text), said
        assert "ck_acme_" not in answer.text


def test_a_suspended_account_and_its_keys_come_back_together(
    server: Server, owner: Console
) -> None:
    page, _ = new_account(owner, "integrator")
    client = Api(server, "acme", new_key(owner, page, "profile:read"))
    assert "Its keys are refused" in owner.page(page.replace("/change/", "/suspend/"))
    assert "is suspended" in owner.told(owner.post(page.replace("/change/", "/suspend/")))
    is_problem(client.get("/me"), 401, "member_inactive")
    assert "let in again" in owner.told(owner.post(page.replace("/change/", "/unsuspend/")))
    assert client.get("/me").status_code == 200


def test_accounts_are_not_among_the_people_nor_people_among_them(owner: Console) -> None:
    page, username = new_account(owner, "integrator")
    assert username not in owner.page("/admin/accounts/member/")
    assert owner.get(page.replace("serviceaccount", "member")).status_code == 302
    person = page_of(owner, "builder").replace("/member/", "/serviceaccount/")
    assert owner.get(person).status_code == 302
    roles = owner.get("/admin/accounts/role/").text
    integrator = re.search(r"/admin/accounts/role/\d+/change/(?=[^>]*>integrator<)", roles)
    assert integrator is not None
    assert page in owner.get(integrator[0]).text


def test_who_may_only_read_makes_and_revokes_nothing(
    server: Server, console: Consoles, owner: Console
) -> None:
    page, _ = new_account(owner, "integrator")
    client = Api(server, "acme", new_key(owner, page, "profile:read"))
    operator = console("acme", "operator")
    seen = operator.get(page).text
    assert "ck_acme_" in seen and "Revoke…" not in seen and "New key" not in seen
    revoke = re.findall(rf"{ACCOUNTS}\d+/keys/\d+/revoke/", owner.get(page).text)[0]
    for path in (page.replace("/change/", "/new-key/"), revoke):
        assert operator.post(path, {"name": "x", "scopes": ["profile:read"]}).status_code == 403
    assert client.get("/me").status_code == 200
    assert console("acme", "builder").get(page).status_code == 403
    assert console("globex", "owner").get(page).status_code in (302, 404)


def test_an_account_is_not_given_more_than_its_maker_has(owner: Console, visitor: Visitor) -> None:
    page, _ = new_account(owner, "integrator")
    ids = role_ids(owner)
    answer = owner.post(page, {"username": "x y", "groups": [ids["integrator"]], "_save": "1"})
    assert "valid username" in words(answer.text)


def test_a_member_is_signed_out_everywhere_by_an_operator(
    server: Server, owner: Console, visitor: Visitor
) -> None:
    page, username = add(owner, "operator")
    browser = visitor("acme")
    browser.sign_in(username, PASSWORD)
    body = {"username": username, "password": PASSWORD}
    token = Api(server, "acme", None).post("/auth/token", json=body).json()["access"]
    client = Api(server, "acme", token)
    verb = page.replace("/change/", "/sign-out-everywhere/")
    assert "end at once" in owner.page(verb)
    assert (browser.get("/admin/").status_code, client.get("/me").status_code) == (200, 200)
    assert "is signed out everywhere" in owner.told(owner.post(verb))
    assert browser.get("/admin/").status_code == 302
    is_problem(client.get("/me"), 401, "token_revoked")
    assert visitor("acme").sign_in(username, PASSWORD).status_code == 302
    assert "Signed out everywhere." in owner.page(page.replace("/change/", "/history/"))


@pytest.mark.browser
def test_a_key_is_made_and_copied_by_hand_on_a_phone(visits: Visits, owner: Console) -> None:
    page_path, _ = new_account(owner, "integrator")
    page = visits.signed_in("owner", **PHONE)
    page.goto(page_path.replace("/change/", "/new-key/"))
    page.locator("#id_name").fill("By hand")
    # As on a slow phone: the page, hidden until this script has come, is drawn before.
    held: list[Route] = []
    page.route(re.compile(r"/alpine(\.[0-9a-f]+)?\.js"), lambda route: held.append(route))
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#api-key")).to_have_value(re.compile("^ck_acme_"))
    page.evaluate(_DRAWN)
    held[0].continue_()
    page.unroute_all()
    copy = page.get_by_role("button", name="Copy")
    expect(copy).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_text("By hand")).to_be_visible()
