"""The showcase agents in a browser: a form that the agent makes up, and one that a tool has."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.web.browsing import Chat, Visits, answer, ended

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_feedback_is_steered_by_the_answer_to_its_form(visits: Visits, tenant: str) -> None:
    chat = Chat.new(visits.signed_in("member", tenant), "feedback")
    run = chat.say("Ask me what I prefer: tea, coffee or water")
    ended(run, "paused")
    card = run.locator(".approval")
    question = card.get_by_role("group", name=re.compile(r"What do you prefer\?"))
    question.get_by_role("radio", name="coffee").check()
    card.get_by_role("button", name="Send the answer").click()
    ended(run)
    assert "coffee" in answer(run)


def test_a_ticket_asks_for_its_priority_and_says_when_it_is_missing(visits: Visits) -> None:
    chat = Chat.new(visits.signed_in("member"), "helpdesk")
    run = chat.say("Open a ticket: the coffee machine leaks")
    ended(run, "paused")
    card = run.locator(".approval")
    card.get_by_role("button", name="Send the answer").click()
    expect(card.get_by_role("alert")).to_be_visible()
    card.get_by_role("group", name=re.compile("Priority")).get_by_role(
        "radio", name=re.compile("high", re.IGNORECASE)
    ).check()
    card.get_by_role("button", name="Send the answer").click()
    ended(run)
    assert "the coffee machine leaks" in answer(run)
