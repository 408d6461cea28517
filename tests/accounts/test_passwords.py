"""One policy for passwords at every door, and what a new password ends."""

from __future__ import annotations

import socketserver
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core import mail as django_mail
from django.core.exceptions import ValidationError

from tenants.accounts.mail import send
from tenants.accounts.models import Member, TryCount
from tenants.context import TenantRef, use_tenant
from tests.admin.console import Console, words
from tests.conftest import _ref
from tests.support.client import Api
from tests.support.server import Server

OLD, NEW = "the old pass phrase", "quite another pass phrase"


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("eleven char", "too short"),
        ("password1234", "too common"),
        ("830457619283", "entirely numeric"),
        ("ada.lovelace", "too similar"),
        ("x" * 1001, "too long"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, told: str) -> None:
    member = Member(username="ada.lovelace", email="ada@example.com")
    with pytest.raises(ValidationError, match=told):
        validate_password(password, member)
    validate_password(password, Member(username="ada.lovelace", is_demo=True))
    validate_password(NEW, member)


@pytest.fixture
def owner(committed: None) -> Iterator[Member]:
    with use_tenant(_ref("acme")):
        member = Member.objects.create_user(f"own-{uuid.uuid4().hex[:8]}", OLD)
        member.groups.add(Group.objects.get(name="owner"))
    yield member
    with use_tenant(_ref("acme")):
        member.delete()
        TryCount.objects.all().delete()


def test_a_new_password_ends_what_is_signed_in_elsewhere_but_not_this_browser(
    server: Server, owner: Member
) -> None:
    here, elsewhere = Console(server, "acme"), Console(server, "acme")
    anonymous = Api(server, "acme", None)
    try:
        for console in (here, elsewhere):
            assert console.sign_in(owner.username, OLD).status_code == 302
        credentials = {"username": owner.username, "password": OLD}
        pair = anonymous.post("/auth/token", json=credentials).json()
        change = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
        assert here.post("/admin/password_change/", change).status_code == 302
        assert here.get("/admin/").status_code == 200
        assert elsewhere.get("/admin/").status_code == 302
        again = anonymous.post("/auth/refresh", json={"refresh": pair["refresh"]})
        assert again.status_code == 401
        assert Api(server, "acme", pair["access"]).get("/me").status_code == 401
    finally:
        for client in (here, elsewhere, anonymous):
            client.close()


def test_guesses_at_the_old_password_are_counted_like_a_sign_ins(
    server: Server, owner: Member
) -> None:
    console = Console(server, "acme")
    try:
        assert console.sign_in(owner.username, OLD).status_code == 302
        wrong = {"old_password": "guess", "new_password1": NEW, "new_password2": NEW}
        said = [words(console.post("/admin/password_change/", wrong).text) for _ in range(11)]
        assert all("old password was entered incorrectly" in page for page in said[:10])
        assert "Too many tries to sign in. Try again in" in said[10]
    finally:
        console.close()


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as one mail needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                self.server.mails.append(text)  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")


@pytest.mark.django_db
def test_a_mail_reaches_the_mail_server_as_text_and_html(acme: TenantRef, settings: Any) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.mails = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.EMAIL_USE_TLS = False
        try:
            with use_tenant(acme):
                member = Member(username="ada", name="Ada <b>L</b>")
                context = {"member": member, "link": "https://acme.example/x", "minutes": 60}
                send("ada@example.com", "A new\r\nBcc: x@example.com", "reset", context)
        finally:
            server.shutdown()
            thread.join()
        (text,) = server.mails  # type: ignore[attr-defined]
    assert b"Subject: A new Bcc: x@example.com" in text and b"\r\nBcc:" not in text
    assert b"text/plain" in text and b"text/html" in text
    assert b"Hello Ada <b>L</b>" in text and b"Ada &lt;b&gt;" in text
    assert b"https://acme.example/x" in text and django_mail.outbox == []
