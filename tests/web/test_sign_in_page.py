"""Signing in and out in a browser, and one's own account."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.client import PASSWORD
from tests.web.browsing import Visits, submit_sign_in

pytestmark = pytest.mark.browser


def test_a_wrong_password_is_refused_and_the_right_one_leads_on(visits: Visits) -> None:
    page = visits.visit()
    page.goto("/account/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Acme Industries")
    submit_sign_in(page, "member", "not-it")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    expect(page.get_by_label("Name")).to_have_value("member")
    submit_sign_in(page, "member")
    expect(page).to_have_url(f"{visits.server.url('acme')}/account/")


def test_signing_out_closes_the_door(visits: Visits) -> None:
    page = visits.sign_in()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Acme Industries")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Acme Industries")


def test_the_profile_is_kept(visits: Visits) -> None:
    page = visits.sign_in("approver")
    page.get_by_role("link", name="Approver").click()
    page.get_by_label("Display name").fill("  Ada   Approver ")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_value("Ada Approver")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.locator(".me-name")).to_have_text("Ada Approver")
    page.get_by_label("Display name").fill("Approver")
    page.get_by_label("Time zone").select_option("UTC")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".me-name")).to_have_text("Approver")


def test_a_new_password_needs_the_old_one_and_keeps_this_browser_signed_in(visits: Visits) -> None:
    page = visits.signed_in("operator", "globex")
    elsewhere = visits.signed_in("operator", "globex")

    def change(old: str, new: str) -> None:
        page.goto("/account/")
        page.get_by_label("Current password").fill(old)
        page.get_by_label("New password", exact=True).fill(new)
        page.get_by_label("New password again").fill(new)
        page.get_by_role("button", name="Change password").click()

    change("not-it", "a-better-phrase")
    expect(page.get_by_role("alert").first).to_be_visible()
    change(PASSWORD, "a-better-phrase")
    expect(page.get_by_role("status").filter(has_text="changed")).to_be_visible()
    elsewhere.goto("/")
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Sign in to Globex Corporation")
    change("a-better-phrase", PASSWORD)
    expect(page.get_by_role("status").filter(has_text="changed")).to_be_visible()
