"""The console in a real browser: pages that move, both themes, a phone, the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.client import PASSWORD, Api
from tests.support.hanging import held_agent
from tests.support.server import Server
from tests.web.browsing import PHONE, Visits

pytestmark = pytest.mark.browser
RUNS = "/admin/agents/run/"


def sign_in(visits: Visits, username: str, tenant: str = "acme", **options: Any) -> Page:
    page = visits.visit(tenant, **options)
    page.goto("/admin/")
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_contain_text("Overview")
    return page


@pytest.fixture
def slow_visits(browser: Browser, slow_server: Server) -> Iterator[Visits]:
    made = Visits(browser, slow_server)
    yield made
    made.end()


def test_an_agent_is_written_and_published_by_hand(visits: Visits) -> None:
    page = visits.signed_in("builder")
    page.goto("/admin/")
    page.get_by_role("link", name="Agents", exact=True).click()
    expect(page).to_have_url(f"{visits.server.url('acme')}/admin/agents/agent/")
    page.goto("/admin/agents/agent/add/")
    name = f"Weather {uuid4().hex[:6]}"
    page.locator("#id_name").press_sequentially(name)
    slug = name.lower().replace(" ", "-")
    expect(page.locator("#id_slug")).to_have_value(slug)
    page.locator("#id_instructions").fill("Say what the weather is.")
    page.get_by_role("checkbox", name="current_time").check()
    page.get_by_role("button", name="Save and continue editing").click()
    page.locator("#id_instructions").fill("Say what the weather is, briefly.")
    page.get_by_role("button", name="Save and publish…").click()
    expect(page.get_by_text("The first revision, r1")).to_be_visible()
    page.get_by_label("What is new").fill("First words")
    page.get_by_role("button", name="Publish r1").click()
    expect(page.get_by_text("r1 is published: new runs use it from now on.")).to_be_visible()
    page.get_by_role("link", name="Try it").click()
    expect(page.get_by_role("textbox", name="Message to")).to_be_visible()
    page.goto(f"/admin/agents/agent/?q={slug}")
    page.locator("#result_list tbody a").first.click()
    page.get_by_role("link", name="Archive").click()
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text(f"{name} is archived")).to_be_visible()


def test_a_live_run_is_followed_to_its_end_without_losing_what_is_open(
    visits: Visits, server: Server, committed: None
) -> None:
    api = Api.signed_in(server, "acme", "member")
    page = visits.signed_in("operator")
    with held_agent("acme", ["That "], ["is ", "42."]) as (slug, (go_on,)):
        asked = {"input": "What is 6*7?", "background": True}
        run = api.post(f"/agents/{slug}/runs", json=asked).json()["id"]
        page.goto(f"{RUNS}{run}/change/")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        tool = page.locator("details.cx-step[data-key='2']")
        expect(tool).to_be_visible()
        tool.locator("> summary").focus()
        page.keyboard.press("Enter")
        expect(tool.get_by_text('"expression": "6*7"')).to_be_visible()
        go_on.set()
        expect(page.locator(".cx-head").first).to_contain_text("Completed")
        expect(page.get_by_label("Output").first).to_contain_text("That is 42.")
        # What was open stayed open, and the focus where it was.
        expect(tool.get_by_text('"expression": "6*7"')).to_be_visible()
        expect(tool.locator("> summary")).to_be_focused()
        expect(page.locator("[data-refresh]")).to_have_count(0)
    api.close()


def test_a_run_is_cancelled_by_hand(slow_visits: Visits, slow_server: Server) -> None:
    api = Api.signed_in(slow_server, "acme", "member")
    page = slow_visits.signed_in("operator")
    try:
        asked = {"input": "Tell me about yourself", "background": True}
        run = api.post("/agents/assistant/runs", json=asked).json()["id"]
        page.goto(f"{RUNS}{run}/change/")
        page.get_by_role("link", name="Cancel the run…").click()
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.get_by_text("The run is cancelled.")).to_be_visible()
        expect(page.locator(".cx-head").first).to_contain_text("Cancelled")
        expect(page.get_by_role("link", name="Cancel the run…")).to_have_count(0)
    finally:
        api.close()


def test_a_new_tenant_is_watched_until_it_is_served(visits: Visits) -> None:
    slug = f"b{uuid4().hex[:8]}"
    page = visits.signed_in("root", "platform")
    page.goto("/admin/")
    page.get_by_role("link", name="New tenant").click()
    page.locator("#id_name").fill("Browser Inc")
    page.locator("#id_slug").fill(slug)
    page.locator("#id_hosts").fill(f"{slug}.localhost")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill("correct-horse-battery")
    page.get_by_role("button", name="Set up the tenant").click()
    expect(page.locator("#tenant-state")).to_contain_text("is served at", timeout=120_000)
    page.get_by_role("link", name="Suspend…").click()
    page.get_by_role("button", name="Suspend").click()
    expect(page.locator("#tenant-state")).to_contain_text("Nobody gets in")
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("textbox", name="Type").fill(slug)
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text(f"{slug} is deleted.")).to_be_visible()


def test_two_browsers_in_two_tenants_see_only_their_own(visits: Visits, api: Any) -> None:
    runs = {
        tenant: api(tenant, "member").run(f"What is 2*{n}?")
        for tenant, n in (("acme", 30101), ("globex", 40101))
    }
    pages = {tenant: sign_in(visits, "operator", tenant) for tenant in runs}
    for tenant, page in pages.items():
        page.goto(RUNS)
        other = "globex" if tenant == "acme" else "acme"
        expect(page.get_by_text(runs[tenant]["id"])).to_be_visible()
        expect(page.get_by_text(runs[other]["id"])).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_a_tenant_works_in_both_themes(visits: Visits, api: Any, scheme: str) -> None:
    run = api("acme", "member").run("What is 17*23?")
    page = visits.signed_in("owner", color_scheme=scheme)
    page.goto("/admin/")
    dark = "dark" in (page.locator("html").get_attribute("class") or "")
    assert dark is (scheme == "dark")
    for path in (
        "/admin/agents/agent/",
        "/admin/agents/revision/",
        RUNS,
        f"{RUNS}{run['id']}/change/",
        "/admin/agents/session/",
        f"/admin/agents/session/{run['session_id']}/change/",
        "/admin/accounts/member/",
        "/admin/accounts/member/add/",
        "/admin/accounts/role/",
        "/admin/accounts/role/compare/",
        "/admin/password_change/",
    ):
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, path
        expect(page.locator("#nav-sidebar")).to_be_visible()


def test_every_page_of_the_platform_works(visits: Visits) -> None:
    page = visits.signed_in("root", "platform")
    page.goto("/admin/")
    for link in page.locator("#nav-sidebar-apps a").all():
        assert (link.get_attribute("href") or "").startswith("/admin/")
    hrefs = [a.get_attribute("href") for a in page.locator("#nav-sidebar-apps a").all()]
    assert len(hrefs) == 14
    for href in hrefs:
        answer = page.goto(str(href))
        assert answer is not None and answer.status == 200, href


def test_list_and_run_fit_on_a_phone(visits: Visits, api: Any) -> None:
    run = api("acme", "member").run("What is 17*23?")
    page = visits.signed_in("operator", **PHONE)
    for path in ("/admin/", RUNS, f"{RUNS}{run['id']}/change/"):
        page.goto(path)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, path


def test_the_list_of_live_runs_refreshes_by_itself(
    slow_visits: Visits, slow_server: Server
) -> None:
    page = slow_visits.signed_in("root", "platform")
    page.goto("/admin/tickets/ticket/?schema=globex")
    expect(page.locator("[data-refresh-page]")).to_have_count(1)
    api = Api.signed_in(slow_server, "globex", "member")
    try:
        asked = {"input": "Tell me about yourself", "background": True}
        run = api.post("/agents/assistant/runs", json=asked).json()["id"]
        expect(page.get_by_text(run)).to_be_visible()
        api.post(f"/runs/{run}/cancel")
        expect(page.get_by_text(run)).to_have_count(0)
    finally:
        api.close()
