"""The approval queue in a real browser, and the conversation that waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.approvals.beside_a_browser import SIGN_OFF, careful, notes
from tests.approvals.making import Careful, ended, waiting
from tests.web.browsing import PHONE, Chat, Visits
from tests.web.browsing import ended as run_ended

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]
QUEUE = "/admin/approvals/approval/"


def ask(api: Any, agent: Careful, *marks: str) -> list[dict[str, Any]]:
    """Runs that wait for the sign-off of a note each; their approvals."""
    found = []
    for mark in marks:
        run = api(agent.tenant, "member").run(f"Create a note saying {mark}", slug=agent.slug)
        found += waiting(api(agent.tenant, "approver"), run["id"])
    return found


def open_queue(page: Page, agent: Careful) -> None:
    page.goto(f"{QUEUE}?component={agent.slug}")


def row(page: Page, approval: dict[str, Any]) -> Any:
    return page.locator(f"#approval-{approval['id']}")


def test_a_sign_off_in_the_console_completes_the_chat_by_itself(visits: Visits) -> None:
    tenant = "globex"
    agent = careful(tenant, SIGN_OFF)
    chat = Chat.new(visits.signed_in("member", tenant), agent.slug)
    run = chat.say(f"Create a note saying pay {agent.slug}")
    run_ended(run, "paused")
    expect(run.get_by_text("Waits for somebody else")).to_be_visible()
    page = visits.signed_in("approver", tenant)
    open_queue(page, agent)
    pane = page.get_by_role("region", name="What is asked")
    expect(pane.get_by_role("heading", name="Create note")).to_be_visible()
    expect(pane.get_by_text(f"pay {agent.slug}").first).to_be_visible()
    pane.get_by_text("Approve…").click()
    pane.get_by_role("button", name="Yes, approve").click()
    expect(page.get_by_text("Approved: Create note.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    run_ended(run)
    expect(run.get_by_text("Approved by")).to_be_visible()
    assert len(notes(agent, agent.slug)) == 1


def test_everything_goes_by_keyboard_and_asks_before_it_approves(visits: Visits, api: Any) -> None:
    agent = careful("acme", SIGN_OFF)
    first, second, third = ask(api, agent, *(f"{agent.slug} {n}" for n in "abc"))
    page = visits.signed_in("approver")
    open_queue(page, agent)
    expect(row(page, first)).to_have_class("cq-row cq-chosen")
    expect(page.get_by_role("region", name="What is asked")).to_be_visible()
    page.keyboard.press("j")
    expect(row(page, second).get_by_role("link")).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, first).get_by_role("link")).to_be_focused()
    expect(page.locator("#queue-pane")).to_have_attribute("aria-busy", "false")
    page.keyboard.press("a")
    button = page.get_by_role("button", name="Yes, approve")
    expect(button).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_hidden()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Approved: Create note.")).to_be_visible()
    # The next one is at hand.
    expect(row(page, second).get_by_role("link")).to_be_focused()
    expect(page.locator(f'[data-panel="{second["id"]}"]')).to_be_visible()
    page.keyboard.press("e")
    field = page.get_by_label("Text")
    expect(field).to_be_focused()
    field.fill("")
    page.get_by_role("button", name="Approve with these").click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    expect(page.get_by_label("Text")).to_be_focused()
    page.keyboard.type(f"{agent.slug} in other words")
    page.get_by_role("button", name="Approve with these").click()
    expect(page.get_by_role("status").filter(has_text="your changes")).to_be_visible()
    expect(page.locator(f'[data-panel="{third["id"]}"]')).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_label("Why? The agent is told.")).to_be_focused()
    page.keyboard.type("jake rejects")  # no key of the queue's while somebody writes
    page.get_by_role("button", name="Reject the call").click()
    expect(page.get_by_role("status").filter(has_text="Rejected: Create note.")).to_be_visible()
    for approval in (first, second, third):
        assert ended(api("acme", "member"), approval["run_id"])["status"] == "completed"
    assert notes(agent, agent.slug) == [f"{agent.slug} a", f"{agent.slug} in other words"]


def test_the_list_follows_what_others_do(visits: Visits, api: Any) -> None:
    agent = careful("globex", SIGN_OFF)
    [first] = ask(api, agent, f"{agent.slug} one")
    page = visits.signed_in("approver", "globex")
    open_queue(page, agent)
    expect(row(page, first)).to_be_visible()
    count = page.locator(".cx-count")
    expect(count).to_be_visible()
    [second] = ask(api, agent, f"{agent.slug} two")
    expect(row(page, second)).to_be_visible()
    path = f"/approvals/{first['id']}/decision"
    body = {"decision": "reject", "reason": "quicker than you"}
    assert api("globex", "owner").post(path, json=body).is_success
    expect(row(page, first)).to_have_count(0)
    expect(page.get_by_text("quicker than you", exact=True)).to_be_visible()
    expect(page.get_by_text("Approve…")).to_have_count(0)
    api("globex", "owner").post(f"/approvals/{second['id']}/decision", json=body)


def test_several_are_ticked_and_rejected_together(visits: Visits, api: Any) -> None:
    agent = careful("acme", SIGN_OFF)
    several = ask(api, agent, *(f"{agent.slug} {n}" for n in "xy"))
    page = visits.signed_in("approver")
    open_queue(page, agent)
    button = page.get_by_role("button", name="Reject selected…")
    expect(button).to_be_disabled()
    for approval in several:
        row(page, approval).get_by_role("checkbox").check()
    button.click()
    expect(page.get_by_role("heading", name="Reject 2 calls?").last).to_be_visible()
    page.get_by_label("Why? The agents are told.").fill("not today")
    page.get_by_role("button", name="Reject 2 calls").click()
    expect(page.get_by_text("2 rejected.")).to_be_visible()
    for approval in several:
        ended(api("acme", "member"), approval["run_id"])
    assert notes(agent, agent.slug) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_at_a_time_and_never_scrolls_sideways(
    visits: Visits, api: Any, scheme: str
) -> None:
    agent = careful("acme", SIGN_OFF)
    long = f"{agent.slug} {'https://example.com/' + 'x' * 120}"
    [approval] = ask(api, agent, long)
    page = visits.signed_in("approver", **PHONE, color_scheme=scheme)
    open_queue(page, agent)
    no_sideways(page)
    link = row(page, approval).get_by_role("link")
    link.tap()
    expect(page.get_by_text("Approve…")).to_be_visible()
    expect(link).to_be_hidden()
    no_sideways(page)
    page.get_by_role("button", name="Back to the queue").tap()
    expect(link).to_be_visible()
    link.tap()
    page.get_by_text("Reject…").tap()
    page.get_by_role("button", name="Reject the call").tap()
    expect(page.get_by_text("Rejected: Create note.")).to_be_visible()


def no_sideways(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
