"""Keys that sign are changed while servers with either are at work, and nobody notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django_q.conf import Conf
from django_q.signing import BadSignature, SignedPackage

from agents.runtime import wire
from config.errors import NotFound
from tenants.accounts.invitations import invitation_of, invitation_token, invite
from tenants.accounts.models import Member
from tenants.accounts.reset import reset_tokens
from tenants.context import TenantRef, use_tenant
from tenants.tasks import package
from tests.admin.console import Console
from tests.api.test_auth import anonymous, is_problem
from tests.runtime.test_socket import hear, opened, say
from tests.support.client import PASSWORD, Api
from tests.support.server import Server

OLD, NEW = ("old-" + "0123456789" * 5), ("new-" + "0123456789" * 5)
# The steps of docs/deployers.md: the new one is accepted, then it signs, then the old one is gone.
STEPS = {
    "accepting": (OLD, NEW),
    "signing": (NEW, OLD),
    "done": (NEW, ""),
}


@dataclass(frozen=True, slots=True)
class Site:
    """Servers over one database, each at another step of the change."""

    accepting: Server
    signing: Server
    done: Server


@pytest.fixture(scope="module")
def site(database: None) -> Iterator[Site]:
    with ExitStack() as stack:
        servers = {}
        for step, (signs, accepted) in STEPS.items():
            env = {
                "SECRET_KEY": signs,
                "SECRET_KEY_FALLBACKS": accepted,
                "JWT_SIGNING_KEY": "jwt-" + signs,
                "JWT_ACCEPTED_KEYS": accepted and f"another-{OLD},jwt-{accepted}",
            }
            servers[step] = stack.enter_context(Server.started(env))
        yield Site(**servers)


def tokens(server: Server, tenant: str = "acme") -> dict[str, str]:
    body = {"username": "member", "password": PASSWORD}
    answer = anonymous(server, tenant).post("/auth/token", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def status(server: Server, access: str, tenant: str = "acme") -> int:
    return Api(server, tenant, access).get("/me").status_code


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_tokens_of_before_and_after_are_good_at_both_servers(site: Site, tenant: str) -> None:
    before, after = tokens(site.accepting, tenant), tokens(site.signing, tenant)
    for pair in (before, after):
        for server in (site.accepting, site.signing):
            assert status(server, pair["access"], tenant) == 200
    assert status(site.done, after["access"], tenant) == 200
    is_problem(Api(site.done, tenant, before["access"]).get("/me"), 401, "token_invalid")


def test_a_refresh_token_of_before_is_traded_for_tokens_of_after(site: Site) -> None:
    before = tokens(site.accepting)
    refused = anonymous(site.done).post("/auth/refresh", json={"refresh": before["refresh"]})
    is_problem(refused, 401, "token_invalid")
    traded = anonymous(site.signing).post("/auth/refresh", json={"refresh": before["refresh"]})
    assert traded.status_code == 200, traded.text
    assert status(site.done, traded.json()["access"]) == 200


def test_a_key_that_is_accepted_opens_nothing_else(site: Site) -> None:
    before = tokens(site.accepting)
    stranger = Api(site.signing, "globex", before["access"]).get("/me")
    is_problem(stranger, 401, "token_tenant")
    wrong = anonymous(site.signing).post("/auth/refresh", json={"refresh": before["access"]})
    is_problem(wrong, 401, "token_invalid")


class Browser:
    """One browser, which may ask any of the servers."""

    def __init__(self) -> None:
        self.consoles: list[Console] = []

    def sign_in(self, server: Server) -> str:
        """The session's name."""
        self.consoles.append(console := Console(server, "acme"))
        assert console.sign_in("owner").status_code == 302
        return str(console.http.cookies["sessionid"])

    def status(self, server: Server) -> int:
        """What the console's first page answers there."""
        other = Console(server, "acme")
        other.http.cookies.update(self.consoles[-1].http.cookies)
        self.consoles.append(other)
        return other.get("/admin/").status_code

    @property
    def session(self) -> str:
        return str(self.consoles[-1].http.cookies["sessionid"])


@pytest.fixture
def browser() -> Iterator[Browser]:
    made = Browser()
    yield made
    for console in made.consoles:
        console.close()


def test_a_browser_stays_signed_in_under_the_same_session(site: Site, browser: Browser) -> None:
    key = browser.sign_in(site.accepting)
    for server in (site.signing, site.accepting, site.signing, site.done):
        assert browser.status(server) == 200
        assert browser.session == key


def test_a_browser_that_did_not_come_in_between_is_signed_out_at_the_end(
    site: Site, browser: Browser
) -> None:
    browser.sign_in(site.accepting)
    assert browser.status(site.done) == 302


def test_a_socket_knows_the_browser_and_leaves_its_session_alone(
    site: Site, browser: Browser
) -> None:
    cookie = f"sessionid={browser.sign_in(site.accepting)}"
    with opened(site.signing, Cookie=cookie) as socket:
        say(socket, action="follow", run_id=str(uuid4()))
        assert hear(socket)["problem"]["status"] == 404
    assert browser.status(site.accepting) == 200
    with opened(site.done, Cookie=cookie) as socket:
        say(socket, action="follow", run_id=str(uuid4()))
        assert hear(socket)["problem"]["status"] == 401
    assert browser.status(site.accepting) == 200


@pytest.fixture
def change(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`change("signing")`: this process is at that step."""

    def to(step: str) -> None:
        settings.SECRET_KEY, accepted = STEPS[step]
        settings.SECRET_KEY_FALLBACKS = [accepted] if accepted else []
        monkeypatch.setattr(Conf, "SECRET_KEY", settings.SECRET_KEY)

    return to


def test_links_that_were_mailed_are_good_until_the_old_key_is_gone(
    acme_member: Member, change: Any
) -> None:
    change("accepting")
    owner = Member.objects.get(username="owner")
    invitation = invite(owner, f"{uuid4().hex}@example.com", ["member"])
    link, reset = invitation_token(invitation), reset_tokens.make_token(acme_member)
    change("signing")
    assert invitation_of(link) == invitation
    assert reset_tokens.check_token(acme_member, reset)
    assert invitation_token(invitation) != link
    change("done")
    with pytest.raises(NotFound):
        invitation_of(link)
    assert not reset_tokens.check_token(acme_member, reset)


def test_jobs_queued_before_are_done_after(acme: TenantRef, change: Any) -> None:
    change("accepting")
    with use_tenant(acme):
        _, payload = package("tenants.jobs.clean_tokens")
    change("signing")
    assert SignedPackage.loads(payload)["args"][0] == "acme"
    change("done")
    with pytest.raises(BadSignature):
        SignedPackage.loads(payload)


def test_processes_with_either_key_hear_each_other(change: Any) -> None:
    word = {"k": "queued", "o": "somebody"}
    spoken = {}
    for step in STEPS:
        change(step)
        spoken[step] = (wire.channel("all"), wire.seal(word))
    for here, heard in {
        "accepting": {"accepting", "signing", "done"},
        "signing": {"accepting", "signing", "done"},
        "done": {"signing", "done"},
    }.items():
        change(here)
        for step, (channel, payloads) in spoken.items():
            listens = channel in wire.channels("all")
            understood = [wire.Opener().open(payload) for payload in payloads] == [word]
            assert listens is understood is (step in heard), (here, step)
