"""Cards in the conversation: a run asks, somebody decides, and the answer goes on by itself."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.approvals.beside_a_browser import CONSENT, SIGN_OFF, careful, notes
from tests.approvals.making import Careful, waiting
from tests.web.browsing import PHONE, Chat, Visits, ended

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]


def ask(page: Page, agent: Careful, mark: str) -> tuple[Chat, Locator]:
    """A conversation that waits for a decision on a note with these words; its run."""
    chat = Chat.new(page, agent.slug)
    run = chat.say(f"Create a note saying {mark}")
    ended(run, "paused")
    return chat, run


def cards(run: Locator) -> Locator:
    return run.locator(".approval")


def test_one_consents_in_the_chat_and_the_answer_goes_on(visits: Visits) -> None:
    tenant = "globex"
    agent = careful(tenant, CONSENT)
    _, run = ask(visits.signed_in("member", tenant), agent, agent.slug)
    card = cards(run)
    expect(card.get_by_text("Needs your approval")).to_be_visible()
    expect(card.get_by_role("definition")).to_have_text(agent.slug)
    expect(run.locator(".waiting")).to_be_hidden()
    card.get_by_role("button", name="Approve", exact=True).click()
    expect(card.get_by_text("Approved by you")).to_be_visible()
    ended(run)
    assert notes(agent, agent.slug) == [agent.slug]


def test_arguments_are_edited_with_errors_beside_the_fields(visits: Visits) -> None:
    agent = careful("acme", CONSENT)
    _, run = ask(visits.signed_in("member"), agent, agent.slug)
    card = cards(run)
    card.get_by_text("Edit…").click()
    field = card.get_by_label("Text")
    expect(field).to_have_value(agent.slug)
    field.fill("x" * 4001)
    card.get_by_role("button", name="Approve with these").click()
    expect(card.get_by_role("alert")).to_contain_text("4000")
    expect(card.get_by_label("Text")).to_be_focused()
    expect(card.get_by_label("Text")).to_have_value("x" * 4001)
    card.get_by_label("Text").fill(f"{agent.slug} otherwise")
    card.get_by_role("button", name="Approve with these").click()
    expect(card.get_by_text("Approved with these instead")).to_be_visible()
    ended(run)
    assert notes(agent, agent.slug) == [f"{agent.slug} otherwise"]


def test_a_rejection_is_told_with_its_reason(visits: Visits) -> None:
    agent = careful("globex", CONSENT)
    chat, run = ask(visits.signed_in("member", "globex"), agent, agent.slug)
    card = cards(run)
    card.get_by_text("Reject…").click()
    card.get_by_label("Why? The agent is told.").fill("not now")
    card.get_by_role("button", name="Reject", exact=True).click()
    expect(card.get_by_text("Rejected by you: not now")).to_be_visible()
    ended(run)
    assert notes(agent, agent.slug) == []
    chat.page.reload()
    expect(chat.runs.first.get_by_text("Failed, rejected by Member")).to_be_visible()


def test_a_reload_shows_the_card_and_a_decision_from_elsewhere_completes_it(
    visits: Visits, api: Any
) -> None:
    agent = careful("acme", SIGN_OFF)
    chat, run = ask(visits.signed_in("member"), agent, agent.slug)
    expect(cards(run).get_by_text("Waits for somebody else")).to_be_visible()
    expect(cards(run).get_by_role("button")).to_have_count(0)
    chat.page.reload()
    chat.connected()
    run = chat.runs.first
    ended(run, "paused")
    expect(cards(run).get_by_text("somebody who may sign off")).to_be_visible()
    [approval] = waiting(api("acme", "approver"), str(run.get_attribute("data-run")))
    path = f"/approvals/{approval['id']}/decision"
    assert api("acme", "approver").post(path, json={"decision": "approve"}).is_success
    ended(run)
    expect(cards(run).get_by_text("Approved by Approver")).to_be_visible()
    assert notes(agent, agent.slug) == [agent.slug]
    chat.page.reload()
    expect(chat.runs.first.get_by_text("Done, approved by Approver")).to_be_visible()


def test_stopping_the_answer_withdraws_what_it_asked(visits: Visits) -> None:
    agent = careful("acme", CONSENT)
    chat, run = ask(visits.signed_in("member"), agent, agent.slug)
    expect(cards(run).get_by_role("button", name="Approve", exact=True)).to_be_visible()
    chat.stop_button.click()
    ended(run, "cancelled")
    expect(cards(run).get_by_role("button")).to_have_count(0)
    assert notes(agent, agent.slug) == []


def test_the_inbox_counts_and_shows_what_waits_as_it_comes(visits: Visits, api: Any) -> None:
    scheme = "dark"
    agent = careful("globex", CONSENT)
    clear(api, "globex")
    page = visits.sign_in("member", "globex", color_scheme=scheme)
    page.get_by_role("link", name="Waiting for you").first.click()
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    nav = page.get_by_role("navigation", name="Main").locator("[data-inbox-count]")
    expect(nav).to_be_hidden()
    for number in (1, 2):
        text = f"Create a note saying {agent.slug} {number}"
        api("globex", "member").run(text, slug=agent.slug)
        expect(page.locator("#inbox .approval")).to_have_count(number)
        expect(nav).to_have_text(str(number))
    first, second = page.locator("#inbox .approval").all()
    first.get_by_role("button", name="Approve", exact=True).click()
    expect(first.get_by_text("Approved by you")).to_be_visible()
    expect(nav).to_have_text("1")
    # Decided elsewhere, it says so here, and nobody decides it twice.
    [left] = waiting_of(api("globex", "member"))
    path = f"/approvals/{left['id']}/decision"
    api("globex", "member").post(path, json={"decision": "reject", "reason": "from elsewhere"})
    expect(second.get_by_text("Rejected by you: from elsewhere")).to_be_visible()
    expect(nav).to_be_hidden()


def test_the_inbox_is_for_approvers_too_and_fits_a_phone(visits: Visits, api: Any) -> None:
    agent = careful("acme", SIGN_OFF)
    mark = f"{agent.slug} {'https://example.com/' + 'y' * 120}"
    api("acme", "member").run(f"Create a note saying {mark}", slug=agent.slug)
    page = visits.sign_in("approver", **PHONE)
    page.locator(".topbar .inbox-link").tap()
    card = page.locator(".approval").filter(has_text=agent.slug)
    expect(card.get_by_text("for Member")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    card.get_by_text("Reject…").tap()
    card.get_by_role("button", name="Reject", exact=True).tap()
    expect(card.get_by_text("Rejected by you")).to_be_visible()
    mine = visits.signed_in("member", **PHONE)
    mine.goto("/approvals/")
    expect(mine.get_by_role("heading", name="Waiting for you")).to_be_visible()
    expect(mine.locator(".approval").filter(has_text=agent.slug)).to_have_count(0)


def waiting_of(client: Any) -> list[dict[str, Any]]:
    return list(
        client.get("/approvals", params={"status": "waiting", "limit": 500}).json()["items"]
    )


def clear(api: Any, tenant: str) -> None:
    """Nothing of another test's waits for the member any more."""
    for approval in waiting_of(api(tenant, "approver")):
        for name in ("member", "approver"):
            path = f"/approvals/{approval['id']}/decision"
            api(tenant, name).post(path, json={"decision": "reject"})
