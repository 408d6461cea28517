"""Grants and the matrix in a real browser: written with help, seen at once, used by keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.browsing import PHONE

pytestmark = pytest.mark.browser


def test_a_grant_is_written_and_seen_in_the_matrix(visits: Any) -> None:
    page = visits.signed_in("owner")
    page.goto("/admin/")
    page.get_by_role("link", name="Grants", exact=True).click()
    page.wait_for_url("**/approvals/grant/")
    page.goto("/admin/approvals/grant/add/")
    page.locator("[name=tool]").select_option("calculator")
    page.get_by_role("button", name="Add a condition").click()
    row = page.locator(".cx-condition").first
    row.locator("textarea").fill("args.expression > 100")
    expect(row.get_by_role("status")).to_have_text(
        "Column 17: > doesn't work between string and int."
    )
    expect(row.locator("textarea")).to_have_attribute("aria-invalid", "true")
    row.locator("textarea").fill("size(args.expression) > 100")
    expect(row.get_by_role("status")).to_have_text("This can be asked.")
    row.locator("select").select_option("admin")
    row.get_by_role("textbox", name="because").fill("long ones")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Remove").last.click()
    expect(page.locator(".cx-condition")).to_have_count(1)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    page.get_by_role("link", name="Permissions", exact=True).first.click()
    page.locator(".cx-filterbar select[name=tool]").select_option("calculator")
    page.get_by_role("button", name="Show", exact=True).click()
    line = page.locator(".cx-permissions tbody tr").first
    expect(line).to_contain_text("the grant for every agent, 1 condition")
    line.locator("summary").click()
    expect(line).to_contain_text("long ones")
    line.get_by_role("link", name="Change the grant").click()
    expect(page.locator(".cx-condition")).to_have_count(1)  # the empty one is a script's to show
    expect(page.locator(".cx-condition textarea")).to_have_value("size(args.expression) > 100")
    page.locator("a[href$='/delete/']").first.click()
    page.get_by_role("button", name="Yes, I").click()
    expect(page.get_by_text("was deleted successfully")).to_be_visible()


def test_the_matrix_fits_a_phone(visits: Any) -> None:
    page = visits.signed_in("auditor", **PHONE)
    page.goto("/admin/approvals/grant/permissions/")
    expect(page.get_by_role("region", name="Permissions of each role")).to_be_visible()
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert wider is False  # only the table scrolls
