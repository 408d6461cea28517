"""Invitations: who may invite whom, and what the link is good for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tenants.accounts.models import Invitation, Member
from tenants.context import use_tenant
from tests.accounts.test_reset import Visitor, visitor
from tests.api.test_auth import is_problem
from tests.conftest import _ref
from tests.support.mails import link_in, path_of, wait_for_mail
from tests.support.server import Server

__all__ = ["visitor"]

PHRASE = "quite an unusual phrase"


@pytest.fixture
def address(committed: None) -> Iterator[str]:
    """A mail address nobody has; who joins with it is gone afterwards."""
    address = f"new-{uuid.uuid4().hex[:8]}@example.com"
    yield address
    for slug in ("acme", "globex"):
        with use_tenant(_ref(slug)):
            Invitation.objects.filter(email=address).delete()
            Member.objects.filter(email=address).delete()


def invite(api: Any, address: str, *roles: str, **more: Any) -> Any:
    body = {"email": address, "roles": list(roles or ("member",)), **more}
    return api("acme", "owner").post("/invitations", json=body)


def form(address: str, **changed: str) -> dict[str, str]:
    name = address.partition("@")[0]
    fields = {"username": name, "name": "New Person", "time_zone": "Europe/Berlin"}
    return {**fields, "password1": PHRASE, "password2": PHRASE, **changed}


def join(browser: Visitor, link: str, address: str) -> int:
    browser.get(path_of(link, "acme.localhost"))
    return browser.post("/invitation/", form(address)).status_code


def listed(api: Any, address: str) -> dict[str, Any]:
    items = api("acme", "owner").get("/invitations?limit=500").json()["items"]
    return next(item for item in items if item["email"] == address)


def test_an_invitation_makes_a_member_with_its_roles_once(
    api: Any, visitor: Callable[..., Visitor], address: str
) -> None:
    made = invite(api, address, "builder", "approver")
    assert made.status_code == 201, made.text
    link = made.json()["link"]
    assert listed(api, address)["state"] == "pending" and "link" not in listed(api, address)
    assert link_in(wait_for_mail(address)) == link

    path = path_of(link, "acme.localhost")
    browser = visitor()
    first = browser.http.get(path)
    assert (first.status_code, first.headers["location"]) == (302, "/invitation/")
    page = browser.get("/invitation/")
    assert address in page.text and "builder" in page.text
    assert path.rstrip("/").rpartition("/")[2] not in page.text
    assert "no-store" in page.headers["cache-control"]
    taken = browser.post("/invitation/", form(address, username="owner"))
    assert taken.status_code == 422 and "already exists" in taken.text
    assert browser.post("/invitation/", form(address)).status_code == 302
    account = browser.get("/account/")
    assert account.status_code == 200 and "approver, builder" in account.text
    assert listed(api, address)["state"] == "accepted"
    assert visitor().get(path).status_code == 410
    assert browser.get("/invitation/").status_code == 410


def test_its_password_follows_the_policy(api: Any, visitor: Any, address: str) -> None:
    browser = visitor()
    browser.get(path_of(invite(api, address).json()["link"], "acme.localhost"))
    for bad, told in (("short", "too short"), (address, "too similar")):
        page = browser.post("/invitation/", form(address, password1=bad, password2=bad))
        assert page.status_code == 422 and told in page.text


def test_two_at_once_make_one_member(api: Any, visitor: Any, address: str) -> None:
    link = invite(api, address).json()["link"]
    browsers = [visitor() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda browser: join(browser, link, address), browsers))
    assert sorted(answers)[0] == 302 and answers.count(302) == 1
    with use_tenant(_ref("acme")):
        assert Member.objects.filter(email=address).count() == 1


def test_a_link_is_good_in_its_tenant_alone_and_only_as_signed(
    api: Any, visitor: Any, address: str
) -> None:
    path = path_of(invite(api, address).json()["link"], "acme.localhost")
    assert visitor("globex").get(path).status_code == 410
    assert visitor().get(path[:-2] + ("0" if path[-2] != "0" else "1") + "/").status_code == 410
    assert visitor().get("/invitation/x-y/").status_code == 410
    assert visitor().get(path).status_code == 200


def test_revoked_expired_and_renewed_links_end(api: Any, visitor: Any, address: str) -> None:
    owner = api("acme", "owner")
    made = invite(api, address).json()
    path = path_of(made["link"], "acme.localhost")
    with use_tenant(_ref("acme")):
        row = Invitation.objects.filter(pk=made["id"])
        row.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert visitor().get(path).status_code == 410
        row.update(expires_at=timezone.now() + timedelta(hours=1))
    for _ in range(2):
        assert owner.http.delete(f"/invitations/{made['id']}").status_code == 204
    assert listed(api, address)["state"] == "revoked"
    assert visitor().get(path).status_code == 410
    is_problem(owner.http.delete(f"/invitations/{uuid.uuid4()}"), 404, "unknown_invitation")


def test_a_demoted_inviters_invitation_is_no_longer_good(
    api: Any, visitor: Any, address: str
) -> None:
    made = invite(api, address, "owner").json()
    with use_tenant(_ref("acme")):
        gone = Member.objects.create_user(f"gone-{uuid.uuid4().hex[:6]}", PHRASE)
        gone.groups.add(Group.objects.get(name="member"))
        Invitation.objects.filter(pk=made["id"]).update(invited_by=gone)
    browser = visitor()
    browser.get(path_of(made["link"], "acme.localhost"))
    assert browser.post("/invitation/", form(address)).status_code == 410
    with use_tenant(_ref("acme")):
        assert not Member.objects.filter(email=address).exists()
        gone.delete()


def test_what_is_wrong_is_said(api: Any, address: str) -> None:
    is_problem(invite(api, address, "king"), 422, "unknown_role")
    is_problem(invite(api, "not-an-address"), 422, "email")
    is_problem(invite(api, "member@example.com"), 409, "member_exists")
    assert invite(api, address).status_code == 201
    is_problem(invite(api, address.upper()), 409, "invitation_open")
    is_problem(api("acme", "operator").get("/invitations"), 403, "scope_missing")
    refused = api("acme", "member").post("/invitations", json={"email": "x@y.de", "roles": ["a"]})
    is_problem(refused, 403, "scope_missing")
    in_globex = api("globex", "owner").get("/invitations").json()["items"]
    assert address not in [item["email"] for item in in_globex]


def test_the_console_invites_shows_states_sends_again_and_revokes(
    server: Server, visitor: Any, address: str
) -> None:
    from tests.admin.console import Console, words

    console = Console(server, "acme")
    try:
        assert console.sign_in("owner").status_code == 302
        add = "/admin/accounts/invitation/add/"
        answer = console.post(add, {"email": address, "roles": ["member"], "days": "7"})
        assert answer.status_code == 200 and "no-store" in answer.headers["cache-control"]
        link = link_in(wait_for_mail(address))
        assert link in answer.text
        assert "is invited already" in words(
            console.post(add, {"email": address, "roles": ["member"], "days": "7"}).text
        )
        listing = console.page("/admin/accounts/invitation/?state=pending")
        assert f"{address} member pending" in listing
        with use_tenant(_ref("acme")):
            pk = Invitation.objects.get(email=address).pk
        again = f"/admin/accounts/invitation/{pk}/send_again/"
        assert "The old link ends" in console.page(again)
        renewed = console.post(again)
        assert link not in renewed.text and link_in(wait_for_mail(address, 2)) in renewed.text
        assert visitor().get(path_of(link, "acme.localhost")).status_code == 410
        revoke = f"/admin/accounts/invitation/{pk}/revoke/"
        assert "is revoked" in console.told(console.post(revoke))
        assert "revoked" in console.page(f"/admin/accounts/invitation/{pk}/change/")
    finally:
        console.close()


def test_an_operator_has_a_reset_mail_sent(server: Server, address: str) -> None:
    from tests.admin.console import Console

    with use_tenant(_ref("acme")):
        member = Member.objects.create_user(address.partition("@")[0], None, email=address)
    console = Console(server, "acme")
    try:
        console.sign_in("owner")
        told = console.told(console.post(f"/admin/accounts/member/{member.pk}/mail_reset/"))
        assert f"A mail to {address} is on its way." in told
        assert "/password/reset/" in link_in(wait_for_mail(address))
    finally:
        console.close()
