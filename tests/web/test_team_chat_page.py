"""A conversation with a team: members as cards with what they said, and what they ask of people."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.approvals.beside_a_browser import CONSENT, elsewhere
from tests.teams.making import NOTES, SUMS, Crew
from tests.web.browsing import PHONE, Chat, Visits, answer, ended
from tests.web.test_chat_page import _plain

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]


def team(tenant: str, mode: str, **grants: dict[str, Any]) -> tuple[Crew, str]:
    crew = Crew(tenant)

    def make() -> str:
        scribe = crew.agent("scribe", NOTES, "create_note", grants=grants)
        counter = crew.agent("counter", SUMS, "calculator")
        return crew.team("crew", mode, scribe, counter, description="Writes down and counts.")

    return crew, elsewhere(make)


def talk(page: Page, slug: str) -> Chat:
    page.goto(f"/teams/{slug}/")
    chat = Chat(page)
    chat.connected()
    return chat


def test_members_are_cards_that_fold_what_they_said_and_did(visits: Visits) -> None:
    crew, slug = team("acme", "coordinate")
    page = visits.sign_in()
    page.locator(".card").filter(has=page.locator(f'[href="/teams/{slug}/"]')).click()
    expect(page.get_by_role("list", name="Members of the team")).to_contain_text(NOTES)
    chat = Chat(page)
    chat.connected()
    run = chat.ask(f"Calculate 17*23. Create a note saying {crew.mark}")
    cards = run.locator(".member")
    expect(cards).to_have_count(2)
    for card in (cards.nth(0), cards.nth(1)):
        expect(card).to_have_attribute("data-state", "done")
        expect(card.locator(".tool-body").first).to_be_hidden()
    counter = cards.filter(has_text="counter")
    counter.locator("summary").first.click()
    expect(counter.locator(".member-task")).to_have_text("Calculate 17*23.")
    expect(counter.locator(".markdown")).to_contain_text("391")
    expect(counter.locator(".tool")).to_have_attribute("data-state", "done")
    counter.locator("summary").first.click()
    said = answer(run)
    assert "391" in said

    # The page drawn anew is the page that streamed, and its conversation is in the list.
    parts, texts = run.locator("> .answer > .parts").inner_html(), run.inner_text()
    expect(page).to_have_url(re.compile(rf"/teams/{slug}/[0-9a-f-]{{36}}/$"))
    expect(page.locator("#recent").get_by_role("link").first).to_have_attribute(
        "href", re.compile(rf"/teams/{slug}/{chat.session_id}/$")
    )
    page.reload()
    again = chat.runs.first
    expect(again.locator("> .answer > .parts > .markdown.drawn")).to_have_count(1)
    assert again.inner_text() == texts
    assert _plain(again.locator("> .answer > .parts").inner_html()) == _plain(parts)


def test_what_a_member_asks_stands_below_its_card_and_the_answer_goes_on(visits: Visits) -> None:
    tenant = "acme"
    crew, slug = team(tenant, "route", create_note=CONSENT["create_note"])
    page = visits.signed_in("member", tenant, **PHONE)
    chat = talk(page, slug)
    run = chat.say(f"Create a note saying {crew.mark}")
    ended(run, "paused")
    card = run.locator("> .answer > .parts > .approval-place .approval")
    expect(card.get_by_text("Needs your approval")).to_be_visible()
    page.reload()  # drawn from the journal of the tree
    chat.connected()
    ended(run, "paused")
    card.get_by_role("button", name="Approve", exact=True).click()
    ended(run)
    expect(card.get_by_text("Approved by you")).to_be_visible()
    assert elsewhere(crew.notes) == [crew.mark]
    # The member's answer is the team's, and stands once outside the folded card.
    expect(run.locator("> .answer > .parts > .markdown")).to_have_count(1)
    expect(run.locator(".member")).to_have_attribute("data-state", "done")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_conversation_that_is_handed_over_goes_on_at_the_page_of_who_goes_on(
    visits: Visits,
) -> None:
    crew = Crew("globex")

    def make() -> tuple[str, str]:
        desk = crew.agent("desk", "Hands over.", "hand_over")
        return desk, crew.agent("counter", SUMS, "calculator")

    desk, counter = elsewhere(make)
    page = visits.signed_in("member", "globex")
    chat = Chat.new(page, desk)
    chat.say(f'Hand over to agent "{counter}".')
    expect(page).to_have_url(re.compile(rf"/chat/{counter}/[0-9a-f-]{{36}}/$"))
    chat.connected()
    expect(page.get_by_role("heading", level=1)).to_contain_text("counter")
    assert "42" in answer(chat.ask("Calculate 6*7."))
    expect(chat.runs).to_have_count(2)


def test_who_does_what_is_drawn_beside_the_conversation_as_it_goes(visits: Visits) -> None:
    tenant = "globex"
    crew, slug = team(tenant, "coordinate", create_note=CONSENT["create_note"])
    page = visits.signed_in("member", tenant, **PHONE)
    chat = talk(page, slug)
    run = chat.say(f"Create a note saying {crew.mark}. Calculate 17*23.")
    ended(run, "paused")
    run.get_by_role("link", name="Who does what").click()
    expect(page).to_have_url(re.compile(rf"/teams/{slug}/runs/[0-9a-f-]{{36}}/$"))
    page.wait_for_load_state()  # drawn by the server, it is seen before its script is there
    expect(page.get_by_role("group", name="Delegations: 3 runs")).to_be_visible()
    scribe = page.locator(".wf-node").filter(has_text="scribe")
    counter = page.locator(".wf-node").filter(has_text="counter")
    expect(scribe).to_have_class(re.compile("wf-state-waiting"))
    expect(counter).to_have_class(re.compile("wf-state-completed"))
    counter.focus()
    page.keyboard.press("Enter")
    row = page.locator(".team-rows details[open]")
    expect(row).to_contain_text("391")
    expect(row).to_contain_text("tokens")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    scribe.click()
    link = page.get_by_role("link", name="Decide on create_note")
    expect(link).to_be_visible()
    with page.context.expect_page() as other:
        link.click(modifiers=["Control"])
    other.value.get_by_role("button", name="Approve", exact=True).click()
    # This page is still there, and follows by itself.
    expect(scribe).to_have_class(re.compile("wf-state-completed"))
    expect(page.locator(".flow-state")).to_have_text("Completed")
    expect(page.locator(".team-rows details[open]")).to_have_count(2)
    page.get_by_role("link", name="Back to the conversation").click()
    expect(page.locator(".member").first).to_have_attribute("data-state", "done")
