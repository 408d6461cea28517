"""Past conversations: listed, found, renamed, deleted, each tenant's and member's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.waiting import until
from tests.web.browsing import Chat, Visits

pytestmark = pytest.mark.browser


def _made(api: Any, tenant: str, username: str, *titles: str) -> list[str]:
    """Sessions of these titles; the ids, in the order of the titles."""
    client = api(tenant, username)
    made = []
    for title in titles:
        session = client.run("What is 1+1?")["session_id"]
        # The job that makes a title comes after the run: one's own must not be overtaken.
        client.http.patch(f"/sessions/{session}", json={"title": title}).raise_for_status()
        made.append(session)
    return made


def test_who_has_no_conversations_is_told_where_to_begin(visits: Visits) -> None:
    page = visits.sign_in("approver", "globex")
    expect(page.get_by_text("Your conversations will appear here.")).to_be_visible()
    page.get_by_role("link", name="Conversations").click()
    expect(page.get_by_role("heading", name="No conversations yet")).to_be_visible()
    page.get_by_role("link", name="Choose an agent").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")


def test_a_new_conversation_appears_in_the_sidebar_and_gets_its_title(visits: Visits) -> None:
    page = visits.signed_in("owner")
    chat = Chat.new(page)
    chat.ask("What is 21*2?")
    row = page.locator(f"#sidebar-{chat.session_id}")
    expect(row.locator("[aria-current=page]")).to_be_visible()
    expect(row).to_contain_text("What is 21*2?")
    expect(page.locator("#session-title")).to_have_text("What is 21*2?")
    expect(page).to_have_title("What is 21*2? · Assistant · Concord")
    assert page.locator("#recent li").first.get_attribute("id") == f"sidebar-{chat.session_id}"


def test_titles_are_searched(visits: Visits, api: Any) -> None:
    _made(api, "acme", "builder", "Zebra crossing", "Apples 100%", "apple pie")
    page = visits.signed_in("builder")
    page.goto("/sessions/")
    titles = page.locator(".listed .session-title")
    expect(titles.filter(has_text="Zebra crossing")).to_have_count(1)
    page.get_by_role("searchbox").fill("APPLE")
    expect(titles).to_have_text(["apple pie", "Apples 100%"])
    page.get_by_role("searchbox").fill("100%")
    expect(titles).to_have_text(["Apples 100%"])
    page.get_by_role("searchbox").fill("<nothing>")
    expect(page.get_by_text("No title contains “<nothing>”.")).to_be_visible()


def test_a_conversation_is_renamed_everywhere_at_once(visits: Visits, api: Any) -> None:
    (session,) = _made(api, "acme", "operator", "Before")
    page = visits.signed_in("operator")
    page.goto("/sessions/")
    row = page.locator(f"#page-{session}")
    row.locator("summary").click()
    row.get_by_role("link", name="Rename").click()
    field = page.locator(f"#page-{session}").get_by_label("Title")
    expect(field).to_be_focused()
    field.fill("   ")
    field.press("Enter")
    expect(page.locator(f"#page-{session}").get_by_role("alert")).to_contain_text("1 to 200")
    field = page.locator(f"#page-{session}").get_by_label("Title")
    field.fill("After <b>all</b>")
    field.press("Enter")
    expect(row.locator(".session-title")).to_have_text("After <b>all</b>")
    expect(page.locator(f"#sidebar-{session} .session-title")).to_have_text("After <b>all</b>")
    expect(row.locator("summary")).to_be_focused()


def test_deleting_asks_first(visits: Visits, api: Any) -> None:
    kept, gone = _made(api, "acme", "operator", "Kept", "Gone")
    page = visits.signed_in("operator")
    page.goto(f"/chat/assistant/{kept}/")
    row = page.locator(f"#sidebar-{gone}")
    row.hover()
    row.locator("summary").click()
    row.get_by_role("link", name="Delete").click()
    expect(row.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row.locator(".session-title")).to_have_text("Gone")
    row.locator("summary").click()
    row.get_by_role("link", name="Delete").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(page).to_have_url(re.compile(kept))
    assert api("acme", "operator").get(f"/sessions/{gone}").status_code == 404


def test_deleting_the_open_conversation_leads_home(visits: Visits, api: Any) -> None:
    (session,) = _made(api, "acme", "operator", "Open")
    page = visits.signed_in("operator")
    page.goto(f"/chat/assistant/{session}/")
    row = page.locator(f"#sidebar-{session}")
    row.locator("summary").click()
    row.get_by_role("link", name="Delete").click()
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")


def test_a_long_list_comes_in_pages(visits: Visits, api: Any) -> None:
    client = api("globex", "owner")
    for number in range(27):
        client.run(f"What is {number}+1?")
    until(lambda: client.get("/sessions?limit=100").json()["items"], lambda items: len(items) >= 27)
    page = visits.signed_in("owner", "globex")
    page.goto("/sessions/")
    rows = page.locator(".listed .session")
    assert rows.count() == 25
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(27)
    expect(page.locator(".listed .more")).to_have_count(0)
    ids = [rows.nth(index).get_attribute("id") for index in range(27)]
    assert len(set(ids)) == 27


def test_two_browsers_in_two_tenants_see_only_their_own(visits: Visits) -> None:
    acme, globex = visits.signed_in("member"), visits.signed_in("member", "globex")
    here, there = Chat.new(acme), Chat.new(globex)
    ours, theirs = here.say("Remember: acme secret plan"), there.say("Remember: globex secret plan")
    expect(ours.locator(".markdown")).to_contain_text("acme secret plan")
    expect(theirs.locator(".markdown")).to_contain_text("globex secret plan")
    listed = [chat.ask("List my notes") for chat in (here, there)]
    expect(listed[0].locator(".markdown").last).to_contain_text("acme secret plan")
    expect(listed[1].locator(".markdown").last).to_contain_text("globex secret plan")
    assert "globex" not in listed[0].inner_text()
    assert "acme" not in listed[1].inner_text()
    for page, foreign in ((acme, there.session_id), (globex, here.session_id)):
        answer = page.goto(f"/chat/assistant/{foreign}/")
        assert answer is not None and answer.status == 404
        page.goto("/sessions/")
        assert page.locator(f"#page-{foreign}").count() == 0
