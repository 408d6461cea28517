"""What a run asks of the member in a form, and of the client that follows it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.approvals.beside_a_browser import careful
from tests.approvals.making import waiting
from tests.web.browsing import PHONE, Chat, Visits, ended

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]


def test_a_form_is_filled_in_and_the_run_goes_on_by_the_answers(visits: Visits, api: Any) -> None:
    tenant = "acme"
    agent = careful(tenant, {}, "create_support_ticket")
    chat = Chat.new(visits.signed_in("member", tenant), agent.slug)
    run = chat.say("open a ticket: printer is on fire")
    ended(run, "paused")
    card = run.locator(".approval")
    expect(card.get_by_text("Needs your answer")).to_be_visible()
    expect(card.get_by_role("group", name="Priority")).to_contain_text("needed")
    expect(card.get_by_label("Contact")).not_to_contain_text("needed")
    labels = card.locator("legend, .field > label").all_inner_texts()
    assert [label.split()[0] for label in labels[:2]] == ["Priority", "Contact"]  # as it asks
    # A needed answer that is missing is said beside its field; what is there stays.
    card.get_by_label("Contact").fill("room 7")
    card.get_by_role("button", name="Send the answer").click()
    expect(card.get_by_role("alert")).to_have_text("This is needed.")
    expect(card.get_by_label("Contact")).to_have_value("room 7")
    card.get_by_role("radio", name="urgent").check()
    card.get_by_role("button", name="Send the answer").click()
    expect(card.get_by_text("Answered by you")).to_be_visible()
    ended(run)
    steps = api(tenant, "member").get(f"/runs/{run.get_attribute('data-run')}/steps").json()
    [done] = [step for step in steps["items"] if step["kind"] == "tool"]
    assert done["output"]["data"]["priority"] == "urgent"


def test_questions_with_choices_are_answered_on_a_phone(visits: Visits) -> None:
    agent = careful("acme", {}, "ask_user")
    page = visits.signed_in("member", **PHONE)
    chat = Chat.new(page, agent.slug)
    run = chat.say("Ask me what I prefer: tea, coffee or water")
    ended(run, "paused")
    card = run.locator(".approval")
    choices = card.get_by_role("group", name="What do you prefer?")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    choices.get_by_text("coffee").tap()
    card.get_by_role("button", name="Send the answer").tap()
    ended(run)
    expect(run.locator(".markdown").last).to_contain_text("coffee")


def test_one_may_refuse_to_answer(visits: Visits) -> None:
    agent = careful("globex", {}, "create_support_ticket")
    chat = Chat.new(visits.signed_in("member", "globex"), agent.slug)
    run = chat.say("open a ticket: printer is on fire")
    ended(run, "paused")
    card = run.locator(".approval")
    card.get_by_text("Leave it…").click()
    card.get_by_label("Why? The agent is told.").fill("it went out")
    card.get_by_role("button", name="Leave it unanswered").click()
    expect(card.get_by_text("Rejected by you: it went out")).to_be_visible()
    ended(run)


def test_work_of_a_client_is_given_by_the_client_or_by_hand(visits: Visits, api: Any) -> None:
    agent = careful("acme", {}, "page_on_call")
    chat = Chat.new(visits.signed_in("member"), agent.slug)
    run = chat.say("Page whoever is on call: the database is down")
    ended(run, "paused")
    card = run.locator(".approval")
    expect(card.get_by_text("The program that follows this run")).to_be_visible()
    card.get_by_text("Give the result…").click()
    card.get_by_label("Result as JSON").fill("{paged")
    card.get_by_role("button", name="Give this result").click()
    expect(card.get_by_role("alert")).to_contain_text("not valid JSON")
    expect(card.get_by_label("Result as JSON")).to_have_value("{paged")
    card.get_by_label("Result as JSON").fill('{"paged": "Ada"}')
    card.get_by_role("button", name="Give this result").click()
    ended(run)
    # The same by a client, while the page looks on.
    run = chat.say("Page whoever is on call: the database is down again")
    ended(run, "paused")
    [asked] = waiting(api("acme", "member"), str(run.get_attribute("data-run")))
    body = {"decision": "respond", "response": {"paged": "Bob"}}
    assert api("acme", "member").post(f"/approvals/{asked['id']}/decision", json=body).is_success
    ended(run)
    expect(run.locator(".approval").get_by_text("Answered by you")).to_be_visible()
