"""A new password by mail: for whoever reads the member's mail, once, in one tenant."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group

from tenants.accounts.models import Member, TryCount
from tenants.accounts.reset import ResetTokens, reset_tokens
from tenants.context import TenantRef, use_tenant
from tests.conftest import _ref
from tests.support.mails import body, link_in, path_of, sent_to, wait_for_mail
from tests.support.server import Server

OLD, NEW = "the old pass phrase", "quite another pass phrase"


class Visitor:
    """A browser's worth of cookies at a tenant's host."""

    def __init__(self, server: Server, tenant: str) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers={"Host": f"{tenant}.localhost:{server.port}"},
            timeout=60,
        )

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, follow_redirects=True)

    def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        page = self.get(path)
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token, page.text
        return self.http.post(page.url.path, data={"csrfmiddlewaretoken": token[1], **form})


@pytest.fixture
def visitor(server: Server) -> Iterator[Callable[..., Visitor]]:
    made: list[Visitor] = []

    def arrives(tenant: str = "acme") -> Visitor:
        made.append(Visitor(server, tenant))
        return made[-1]

    yield arrives
    for found in made:
        found.http.close()


@pytest.fixture
def ada(committed: None) -> Iterator[Callable[[str], Member]]:
    """`ada("globex")`: a member with the same name and mail address in both tenants."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    made: dict[str, Member] = {}
    refs = {slug: _ref(slug) for slug in ("acme", "globex")}
    for slug, ref in refs.items():
        with use_tenant(ref):
            made[slug] = Member.objects.create_user(name, OLD, email=f"{name}@example.com")
            made[slug].groups.add(Group.objects.get(name="member"))
    yield lambda slug="acme": made[slug]
    for ref in refs.values():
        with use_tenant(ref):
            Member.objects.filter(username=name).delete()
            TryCount.objects.all().delete()


def ask(visitor: Visitor, who: str) -> httpx.Response:
    return visitor.post("/password/forgot/", {"who": who})


def passwords(new: str) -> dict[str, str]:
    return {"new_password1": new, "new_password2": new}


def may_sign_in(server: Server, member: Member, password: str, tenant: str = "acme") -> bool:
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/api/v1/auth/token",
        headers={"X-Tenant": tenant},
        json={"username": member.username, "password": password},
    )
    return answer.status_code == 200


def test_the_mail_leads_to_a_new_password_once(server: Server, visitor: Any, ada: Any) -> None:
    member = ada()
    answer = ask(visitor(), member.email.upper())
    assert answer.headers["location"] == "/password/forgot/sent/"
    mail = wait_for_mail(member.email)
    assert mail["Subject"] == "Set a new password for Acme Industries"
    assert member.username in body(mail)
    path = path_of(link_in(mail), "acme.localhost")

    browser = visitor()
    first = browser.http.get(path)
    secret = path.rstrip("/").rpartition("/")[2]
    assert first.status_code == 302 and secret not in first.headers["location"]
    page = browser.get(path)
    assert secret not in page.text and "no-store" in page.headers["cache-control"]
    assert page.headers["referrer-policy"] == "same-origin"
    short = browser.post(path, passwords("short"))
    assert "too short" in short.text
    assert browser.post(path, passwords(NEW)).status_code == 302
    assert browser.get("/account/").status_code == 200, "they are signed in"
    assert may_sign_in(server, member, NEW) and not may_sign_in(server, member, OLD)
    assert may_sign_in(server, ada("globex"), OLD, "globex"), "another tenant's member is untouched"
    again = visitor().get(path)
    assert again.status_code == 410 and "no longer good" in again.text


def test_a_link_of_one_tenant_is_none_in_another(visitor: Any, ada: Any) -> None:
    ask(visitor(), ada().username)
    path = path_of(link_in(wait_for_mail(ada().email)), "acme.localhost")
    assert visitor("globex").get(path).status_code == 410
    assert visitor().get(path).status_code == 200


def test_whoever_is_unknown_is_answered_the_same_and_gets_no_mail(visitor: Any, ada: Any) -> None:
    nobody = f"nobody-{uuid.uuid4().hex}@example.com"
    shown = []
    for who in (nobody, ada().email):
        answer = ask(visitor(), who)
        shown.append((answer.status_code, answer.headers["location"], answer.content))
    assert shown[0] == shown[1]
    wait_for_mail(ada().email)  # asked for later, and sent: the other would be there by now
    assert sent_to(nobody) == []


def test_asked_too_often_no_more_mails_go_out(visitor: Any, ada: Any) -> None:
    browser = visitor()
    for _ in range(5):
        assert ask(browser, ada().username).status_code == 302
    wait_for_mail(ada().email, 3)
    ask(browser, ada("globex").email)  # by another name of theirs: comes after what was refused
    wait_for_mail(ada().email, 4)
    assert len(sent_to(ada().email)) == 4


def test_the_links_host_is_the_tenants_whatever_the_request_says(
    server: Server, visitor: Any, ada: Any
) -> None:
    browser = visitor()
    browser.http.headers["Host"] = f"127.0.0.1:{server.port}"
    browser.http.headers["X-Forwarded-Host"] = "evil.example.com"
    ask(browser, ada().username)
    path_of(link_in(wait_for_mail(ada().email)), "acme.localhost")


@pytest.mark.django_db
def test_a_token_is_bound_to_member_password_and_time(
    acme: TenantRef, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    with use_tenant(acme):
        ada, bob = (Member.objects.create_user(name, OLD) for name in ("ada-t", "bob-t"))
        token = reset_tokens.make_token(ada)
        assert reset_tokens.check_token(ada, token)
        assert not reset_tokens.check_token(bob, token)
        later = datetime.now() + timedelta(seconds=settings.RESET_SECONDS + 5)
        monkeypatch.setattr(ResetTokens, "_now", lambda self: later)
        assert not reset_tokens.check_token(ada, token)
        monkeypatch.undo()
        ada.set_password(NEW)
        assert not reset_tokens.check_token(ada, token)
