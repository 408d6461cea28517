"""Joining by an invitation, setting a new password by mail, and a paused sign-in, in a browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.mails import link_in, wait_for_mail
from tests.web.browsing import PHONE, Visits, submit_sign_in

pytestmark = pytest.mark.browser
PHRASE = "quite an unusual phrase"


def follow(page: Page, link: str) -> None:
    """Opens a mail's link, on the port where this test's server listens."""
    page.goto(urlsplit(link).path)


@pytest.fixture
def address() -> Iterator[str]:
    yield f"new-{uuid.uuid4().hex[:8]}@example.com"


def invite(visits: Visits, address: str) -> str:
    page = visits.signed_in("owner")
    page.goto("/admin/accounts/invitation/add/")
    page.get_by_label("Mail address").fill(address)
    page.get_by_label("builder").check()
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("The link, shown this once").input_value()
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    return link


def test_who_is_invited_joins_with_the_keyboard_alone_and_later_resets_the_password(
    visits: Visits, address: str
) -> None:
    link = invite(visits, address)
    assert link == link_in(wait_for_mail(address))
    page = visits.visit(timezone_id="Asia/Tokyo")
    follow(page, link)
    expect(page).to_have_url(re.compile(r"/invitation/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Acme Industries")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    name = address.partition("@")[0]
    page.get_by_label("Username").focus()
    for text in (name, "New Person", PHRASE, PHRASE):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
    expect(page.locator(".me-name")).to_have_text("New Person")

    phone = visits.visit(**PHONE)
    phone.goto("/sign-in/")
    phone.get_by_role("link", name="Forgotten your password?").click()
    phone.get_by_label("Username or mail address").fill(address)
    phone.get_by_role("button", name="Send the link").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    follow(phone, link_in(wait_for_mail(address, 2)))
    expect(phone).to_have_url(re.compile(r"/set-password/$"))
    phone.get_by_label("New password", exact=True).fill(PHRASE + " indeed")
    phone.get_by_label("New password again").fill(PHRASE + " indeed")
    width = phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert width, "nothing wider than the phone"
    phone.get_by_role("button", name="Set the password").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Agents")
    page.goto("/account/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Acme Industries")


def test_a_paused_sign_in_says_when_to_come_back(visits: Visits) -> None:
    page = visits.visit("globex")
    page.goto("/sign-in/")
    for _ in range(11):
        submit_sign_in(page, f"nobody-{page.context.__hash__()}", "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"Too many tries to sign in\. Try again in \d+ seconds\.")
    )
