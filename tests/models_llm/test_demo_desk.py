"""The demo model drives the showcase agents' own tools, by their schemas alone."""

from __future__ import annotations

from typing import Any

import pytest

from agents.catalog.files import read
from agents.models_llm.demo import _decide
from agents.tools import registry
from agents.tools.calling import parse_arguments
from agents.tools.spec import openai_schema


def decide(agent: str, *said: str) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """What the demo model says, and which calls it makes, after these messages of a user.

    Between them stands what it answered to the one before.
    """
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

    tools = [openai_schema(registry.get(name)) for name in read(agent).spec.tools]
    talk: list[BaseMessage] = []
    text, calls = "", []
    for message in said:
        talk.append(HumanMessage(message))
        text, calls = _decide(talk, tools, {})
        talk.append(AIMessage(text))
    for call in calls:  # what it calls, it calls rightly
        parse_arguments(registry.get(call.tool.name), call.arguments)
    return text, [(call.tool.name, call.arguments) for call in calls]


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("restart the billing service", ("restart_service", {"service": "billing"})),
        ("Please restart billing", ("restart_service", {"service": "billing"})),
        ("can you restart the mail service?", ("restart_service", {"service": "mail"})),
        (
            "restart the mail service because nothing has gone out since this morning, and the "
            "customers complain",
            (
                "restart_service",
                {
                    "service": "mail",
                    "reason": "nothing has gone out since this morning, and the customers complain",
                },
            ),
        ),
        ("run a diagnostic on the search service", ("run_diagnostic", {"service": "search"})),
        ("Run a diagnostic of billing.", ("run_diagnostic", {"service": "billing"})),
        ("check the website service", ("run_diagnostic", {"service": "website"})),
        (
            "open a ticket: printer is on fire",
            ("create_support_ticket", {"problem": "printer is on fire"}),
        ),
        (
            "Please open a support ticket about the broken coffee machine.",
            ("create_support_ticket", {"problem": "the broken coffee machine"}),
        ),
        (
            "page the on-call about the database being down",
            ("page_on_call", {"message": "the database being down"}),
        ),
        (
            "Page whoever is on call: the database is down",
            ("page_on_call", {"message": "the database is down"}),
        ),
    ],
)
def test_the_helpdesk_does_what_it_is_told(message: str, call: tuple[str, Any]) -> None:
    _, calls = decide("helpdesk", message)
    assert calls == [call]


REFUND = {"order_id": 1042, "amount": 250, "currency": "EUR", "reason": "it arrived broken"}


@pytest.mark.parametrize(
    ("message", "call"),
    [
        (
            "refund order 1042 of 250 EUR because it arrived broken",
            ("process_refund", REFUND),
        ),
        (
            "Process a refund of 250 EUR for order 1042 because it arrived broken.",
            ("process_refund", REFUND),
        ),
        (
            "I want a refund of €250 for order 1042 because it arrived broken",
            ("process_refund", {k: v for k, v in REFUND.items() if k != "currency"}),
        ),
        (
            "delete the account of ada@example.com",
            ("delete_user_account", {"customer": "ada@example.com"}),
        ),
        (
            "delete the account of Ada Lovelace because she asked for it",
            ("delete_user_account", {"customer": "Ada Lovelace", "reason": "she asked for it"}),
        ),
        (
            "credit 20 EUR to Ada Lovelace because the parcel was late",
            (
                "issue_credit",
                {
                    "customer": "Ada Lovelace",
                    "amount": 20,
                    "currency": "EUR",
                    "reason": "the parcel was late",
                },
            ),
        ),
        (
            "issue a credit of 150.50 USD to grace@example.com due to a broken key",
            (
                "issue_credit",
                {
                    "customer": "grace@example.com",
                    "amount": 150.5,
                    "currency": "USD",
                    "reason": "a broken key",
                },
            ),
        ),
        ("export the data of Emmy Noether", ("export_customer_data", {"customer": "Emmy Noether"})),
        ("generate a report on refunds", ("generate_report", {"about": "refunds"})),
        (
            "give me a report about the restarts of the last 7 days",
            ("generate_report", {"about": "restarts", "days": 7}),
        ),
    ],
)
def test_the_back_office_does_what_it_is_told(message: str, call: tuple[str, Any]) -> None:
    _, calls = decide("approvals", message)
    assert calls == [call]


@pytest.mark.parametrize(
    ("message", "question", "choices"),
    [
        ("ask me what I prefer", "What do you prefer?", None),
        ("Ask me what I prefer: tea, coffee or water", "What do you prefer?", "tea coffee water"),
        ("ask me whether I like tea or coffee", "Do you like tea or coffee?", "tea coffee"),
        ("please ask me about my favourite colour", "What about your favourite colour?", None),
        ("ask me where I would like to go", "Where would you like to go?", None),
    ],
)
def test_feedback_asks_what_it_is_told_to_ask(
    message: str, question: str, choices: str | None
) -> None:
    _, calls = decide("feedback", message)
    asked: dict[str, Any] = {"question": question}
    if choices:
        asked["choices"] = choices.split()
    assert calls == [("ask_user", {"questions": [asked]})]


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ("helpdesk", "how is the billing service?"),
        ("helpdesk", "Is the billing service away for a moment?"),
        ("helpdesk", "Hello"),
        ("approvals", "what is the account of Ada Lovelace?"),
        ("approvals", "The customer is angry."),
        ("approvals", "Ada Lovelace has an account and a credit."),
        ("feedback", "I prefer tea"),
        ("assistant", "what is note 3?"),
    ],
)
def test_nothing_is_changed_by_whoever_only_talks_about_it(agent: str, message: str) -> None:
    _, calls = decide(agent, message)
    acting = {"run_diagnostic", "list_notes", "generate_report"}
    assert {name for name, _ in calls} <= acting


def test_what_is_missing_is_asked_for_and_then_used() -> None:
    text, calls = decide("approvals", "refund order 1042")
    assert not calls
    assert "**amount** and **reason**" in text
    _, calls = decide("approvals", "refund order 1042", "250 EUR because it arrived broken")
    assert calls == [("process_refund", REFUND)]
