"""Members in the console: added, changed, suspended; and the rules nobody gets around."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.admin.console import Console, words

Consoles = Callable[..., Console]
Visitor = Callable[..., Console]
MEMBERS = "/admin/accounts/member/"
PASSWORD = "correct-horse-battery"


@pytest.fixture
def owner(console: Consoles) -> Console:
    return console("acme", "owner")


def role_ids(owner: Console) -> dict[str, str]:
    page = owner.get(f"{MEMBERS}add/").text
    found = re.findall(r'name="groups" value="(\d+)".*?>\s*([a-z-]+)\s*</label>', page, flags=re.S)
    return {name: number for number, name in found}


def add(owner: Console, *roles: str, password: str = PASSWORD) -> tuple[str, str]:
    """A new member: the change page and the username."""
    username = f"m{uuid4().hex[:10]}"
    ids = role_ids(owner)
    answer = owner.post(
        f"{MEMBERS}add/",
        {
            "username": username,
            "name": username.upper(),
            "email": f"{username}@example.com",
            "time_zone": "Asia/Tokyo",
            "groups": [ids[role] for role in roles],
            "usable_password": "true" if password else "false",
            "password1": password,
            "password2": password,
            "_continue": "1",
        },
    )
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"], username


def page_of(owner: Console, username: str) -> str:
    found = owner.http.get(MEMBERS, params={"q": username}).text
    rows = found[found.index('id="result_list"') :]
    return re.findall(rf"{MEMBERS}\d+/change/", rows)[0]


def test_a_new_member_can_sign_in_with_their_role(owner: Console, visitor: Visitor) -> None:
    _, username = add(owner, "operator")
    browser = visitor("acme")
    assert browser.sign_in(username, PASSWORD).status_code == 302
    assert browser.get("/admin/agents/run/").status_code == 200
    assert browser.get("/admin/agents/agent/add/").status_code == 403
    assert visitor("globex").sign_in(username, PASSWORD).status_code == 200


def test_a_member_without_a_password_cannot_sign_in_with_one(
    owner: Console, visitor: Visitor
) -> None:
    path, username = add(owner, "operator", password="")
    assert "they can't sign in with one" in owner.page(path)
    assert visitor("acme").sign_in(username, "").status_code == 200
    answer = owner.post(
        path.replace("/change/", "/password/"),
        {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert answer.status_code == 302
    assert visitor("acme").sign_in(username, PASSWORD).status_code == 302


def test_weak_passwords_bad_zones_and_missing_roles_are_refused(owner: Console) -> None:
    ids = role_ids(owner)
    good = {
        "username": f"m{uuid4().hex[:10]}",
        "time_zone": "UTC",
        "groups": [ids["member"]],
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    for wrong, said in (
        ({"password1": "12345", "password2": "12345"}, "too short"),
        ({"password2": "something-else-1"}, "two password fields"),
        ({"time_zone": "Mars/Base"}, "Select a valid choice"),
        ({"groups": []}, "required"),
        ({"username": "owner"}, "already exists"),
    ):
        answer = owner.post(f"{MEMBERS}add/", {**good, **wrong})
        assert answer.status_code == 200
        assert said in words(answer.text), said


def test_a_suspended_member_is_out_at_once_and_can_come_back(
    owner: Console, visitor: Visitor
) -> None:
    path, username = add(owner, "auditor")
    browser = visitor("acme")
    browser.sign_in(username, PASSWORD)
    assert browser.get("/admin/").status_code == 200
    assert "Suspend" in owner.page(path.replace("/change/", "/suspend/"))  # asks first
    assert browser.get("/admin/").status_code == 200
    assert "is suspended" in owner.told(owner.post(path.replace("/change/", "/suspend/")))
    assert browser.get("/admin/").status_code == 302
    assert visitor("acme").sign_in(username, PASSWORD).status_code == 200
    assert "may sign in again" in owner.told(owner.post(path.replace("/change/", "/unsuspend/")))
    assert visitor("acme").sign_in(username, PASSWORD).status_code == 302
    history = owner.page(path.replace("/change/", "/history/"))
    assert "Suspended." in history and "Let in again." in history


def test_owners_cannot_lock_themselves_out(owner: Console) -> None:
    own = page_of(owner, "owner")
    told = owner.told(owner.post(own.replace("/change/", "/suspend/")))
    assert "You can't suspend yourself." in told
    fields = owner.fields(own)
    ids = role_ids(owner)
    answer = owner.post(own, {**fields, "groups": [ids["member"]], "_save": "1"})
    assert "You can't take the role owner from yourself" in words(answer.text)
    inactive = {name: value for name, value in fields.items() if name != "is_active"}
    assert "You can't suspend yourself." in words(owner.post(own, inactive).text)
    told = owner.told(owner.post(own.replace("/change/", "/delete/"), {"post": "yes"}))
    assert "You can't suspend yourself." in told or "must stay" in told
    assert owner.get("/admin/accounts/member/add/").status_code == 200


def test_the_last_owner_stays_one_whoever_asks(owner: Console, visitor: Visitor) -> None:
    path, username = add(owner, "owner")
    second = visitor("acme")
    second.sign_in(username, PASSWORD)
    first = page_of(owner, "owner")
    assert "is suspended" in second.told(second.post(first.replace("/change/", "/suspend/")))
    try:
        # The second is the last one now, and can't go either.
        own = second.told(second.post(path.replace("/change/", "/suspend/")))
        assert "You can't suspend yourself." in own
    finally:
        second.post(first.replace("/change/", "/unsuspend/"))
    owner.sign_in("owner")
    chosen = {"action": "suspend_selected", "_selected_action": re.findall(r"\d+", path)}
    assert "is suspended" in owner.told(owner.post(MEMBERS, chosen))


def test_a_member_with_runs_is_suspended_not_deleted(owner: Console, api: Any) -> None:
    api("acme", "member").run("What is 8*111?")
    path = page_of(owner, "member@example.com")
    told = owner.told(owner.post(path.replace("/change/", "/delete/"), {"post": "yes"}))
    assert "Suspend them instead" in told
    idle, username = add(owner, "member")
    answer = owner.post(idle.replace("/change/", "/delete/"), {"post": "yes"})
    assert answer.status_code == 302
    assert username not in owner.page(f"{MEMBERS}?q={username}").replace(username, "", 1)


def test_who_may_only_read_members_changes_none(console: Consoles, owner: Console) -> None:
    path, username = add(owner, "member")
    operator = console("acme", "operator")
    page = operator.page(path)
    assert username in page and "Save" not in page
    for verb in ("suspend", "password", "delete"):
        assert operator.post(path.replace("/change/", f"/{verb}/")).status_code == 403
    assert operator.post(path, {"username": "x"}).status_code == 403
    assert operator.post(f"{MEMBERS}add/", {"username": "x"}).status_code == 403
    assert console("acme", "builder").get(path).status_code == 403


def test_roles_show_their_scopes_and_members(owner: Console) -> None:
    listed = owner.get("/admin/accounts/role/").text
    assert {"owner", "builder", "auditor"} <= set(re.findall(r">([a-z]+)</a>", listed))
    operator = re.search(r"/admin/accounts/role/\d+/change/(?=[^>]*>operator<)", listed)
    assert operator is not None
    page = owner.page(operator[0])
    assert "runs:cancel_all" in page and "Operator" in page and "members:write" not in page
    matrix = owner.get("/admin/accounts/role/compare/").text
    assert 'aria-label="operator: yes"' in matrix and 'aria-label="member: no"' in matrix
    assert "platform:write" not in matrix
    assert owner.post(operator[0], {"name": "root"}).status_code in (200, 403)
    assert "root" not in owner.page("/admin/accounts/role/")


def test_times_are_shown_in_the_members_zone(owner: Console, visitor: Visitor, api: Any) -> None:
    run = api("acme", "member").run("What is 9*111?")
    _, username = add(owner, "operator")
    browser = visitor("acme")
    browser.sign_in(username, PASSWORD)
    assert "Asia/Tokyo" in browser.page(f"/admin/agents/run/{run['id']}/change/")
