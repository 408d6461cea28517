"""The demo model picks fitting tools, fills their arguments and tells what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models_llm.demo_tools import ALL, NUMBER, TEXT, Conversation, tool

pytestmark = pytest.mark.asyncio

ZONE = "time_zone"


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ("What is 17*23?", [("calculator", {"expression": "17*23"})]),
        ("12% of 80?", [("calculator", {"expression": "12/100*80"})]),
        ("what's (3+4)*5", [("calculator", {"expression": "(3+4)*5"})]),
        ("5 plus 7 times 2", [("calculator", {"expression": "5 + 7 * 2"})]),
        ("What is the square root of 1,444?", [("calculator", {"expression": "sqrt(1444)"})]),
        ("what time is it in Tokyo?", [("current_time", {ZONE: "Asia/Tokyo"})]),
        ("time in new york", [("current_time", {ZONE: "America/New_York"})]),
        ("What time is it in Europe/Zurich", [("current_time", {ZONE: "Europe/Zurich"})]),
        ("Hello there, what time is it in Rome?", [("current_time", {ZONE: "Europe/Rome"})]),
        ("What day is it today?", [("current_time", {})]),
        (
            "What time is it in Tokyo and Paris?",
            [("current_time", {ZONE: "Asia/Tokyo"}), ("current_time", {ZONE: "Europe/Paris"})],
        ),
        (
            "What is 17*23 and what time is it in Tokyo?",
            [("calculator", {"expression": "17*23"}), ("current_time", {ZONE: "Asia/Tokyo"})],
        ),
        (
            "What is 17*23 and the time in Tokyo?",
            [("calculator", {"expression": "17*23"}), ("current_time", {ZONE: "Asia/Tokyo"})],
        ),
        ("remember that I like tea", [("create_note", {"text": "I like tea"})]),
        ("Remember to buy milk and eggs.", [("create_note", {"text": "buy milk and eggs"})]),
        ("note: buy milk", [("create_note", {"text": "buy milk"})]),
        (
            "Create a note saying call Bob at 10:30",
            [("create_note", {"text": "call Bob at 10:30"})],
        ),
        ('Add a note "pay the rent"', [("create_note", {"text": "pay the rent"})]),
        (
            'Remember: the password is "x y"',
            [("create_note", {"text": 'the password is "x y"'})],
        ),
        ("list my notes", [("list_notes", {})]),
        ("What notes do I have about milk?", [("list_notes", {"contains": "milk"})]),
        ("show my latest 3 notes", [("list_notes", {"limit": 3})]),
        ("delete note 3", [("delete_note", {"note_id": 3})]),
        (
            "Delete notes 3 and 4",
            [("delete_note", {"note_id": 3}), ("delete_note", {"note_id": 4})],
        ),
    ],
)
async def test_a_wish_becomes_the_fitting_calls(
    message: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    talk = Conversation()
    await talk.say(message)
    assert talk.made == calls


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "My name is Ada.",
        "What is the capital of France?",
        "At that time I was happy.",
        "Write a poem about the sea",
        "On 2026-03-01 we moved, call +41 79 123 45 67",
        "do you remember my name?",
        "",
        "?!",
    ],
)
async def test_a_message_without_a_fitting_wish_calls_nothing(message: str) -> None:
    talk = Conversation()
    reply = await talk.say(message)
    assert talk.made == []
    assert reply


WEATHER = tool(
    "get_weather",
    "Forecast for a place.",
    {"city": TEXT, "unit": {"$ref": "#/$defs/Unit"}},
    ("city",),
)
WEATHER["function"]["parameters"]["$defs"] = {"Unit": {"enum": ["celsius", "fahrenheit"]}}
MAIL = tool(
    "sendEmail", "Send it.", {"to": {**TEXT, "format": "email"}, "body": TEXT}, ("to", "body")
)
HANDBOOK = tool("kb", "Search the handbook for company policies.", {"query": TEXT}, ("query",))
MONEY = tool(
    "convert_currency",
    "Exchange money.",
    {
        "amount": {"type": "number"},
        "source": {"enum": ["EUR", "USD"]},
        "target": {"enum": ["EUR", "USD"]},
    },
    ("amount", "source", "target"),
)
TICKET = tool("close_ticket", "Close a ticket.", {"ticket_id": TEXT}, ("ticket_id",))


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("What's the weather in New York?", ("get_weather", {"city": "New York"})),
        ("weather in Rome in celsius", ("get_weather", {"city": "Rome", "unit": "celsius"})),
        (
            "Send an email to bob@example.com saying the plan is done",
            ("sendEmail", {"to": "bob@example.com", "body": "the plan is done"}),
        ),
        ("What are the company policies on leave?", ("kb", {"query": "leave"})),
        (
            "convert 12.5 EUR to USD",
            ("convert_currency", {"amount": 12.5, "source": "EUR", "target": "USD"}),
        ),
        ("Close ticket OPS-42", ("close_ticket", {"ticket_id": "OPS-42"})),
    ],
)
async def test_tools_it_never_saw_are_used_by_their_schemas(
    message: str, call: tuple[str, dict[str, Any]]
) -> None:
    others = [WEATHER, MAIL, HANDBOOK, MONEY, TICKET]
    talk = Conversation([*ALL, *others])
    for name in ("get_weather", "sendEmail", "kb", "convert_currency", "close_ticket"):
        setattr(talk, f"_{name}", lambda **given: "fine")
    await talk.say(message)
    assert talk.made == [call]


async def test_results_are_told_in_words() -> None:
    talk = Conversation()
    both = await talk.say("What is 17*23 and what time is it in Tokyo?")
    assert "391" in both and "19:50" in both and "Sunday, 1 March 2026" in both
    assert "“buy milk”" in await talk.say("note: buy milk")
    assert "- **1**: buy milk" in await talk.say("list my notes")
    assert "deleted" in await talk.say("delete note 1")
    assert talk.notes == {}
    assert "There are none" in await talk.say("list my notes")


@pytest.mark.parametrize("empty", ["null", "[]", '{"items": []}'])
async def test_nothing_found_is_said(empty: str) -> None:
    talk = Conversation()
    talk._list_notes = lambda **given: empty  # type: ignore[method-assign]
    assert "none" in (await talk.say("list my notes")).lower()


async def test_what_reads_waits_for_what_writes_the_same_things() -> None:
    talk = Conversation()
    reply = await talk.say('Create a note "pay rent" and list my notes')
    assert talk.rounds == [1, 1]
    assert "- **1**: pay rent" in reply


async def test_then_puts_calls_one_after_the_other() -> None:
    talk = Conversation()
    await talk.say("note: milk")
    reply = await talk.say("Show my notes, then delete note 1, then show my notes again")
    assert [name for name, _ in talk.made] == ["list_notes", "delete_note", "list_notes"]
    assert talk.rounds == [1, 1, 1]
    assert "There are none" in reply


async def test_an_error_that_tells_how_is_mended_once() -> None:
    talk = Conversation()
    reply = await talk.say("What time is it in Tokio?")
    assert talk.made == [
        ("current_time", {ZONE: "Tokio"}),
        ("current_time", {ZONE: "Asia/Tokyo"}),
    ]
    assert "did not work" in reply and "19:50" in reply


async def test_a_mended_call_that_fails_again_is_explained() -> None:
    talk = Conversation()
    talk._current_time = (  # type: ignore[method-assign]
        lambda time_zone: f"Error: no {time_zone}, did you mean {time_zone}x?"
    )
    reply = await talk.say("What time is it in Tokio?")
    assert talk.rounds == [1, 1]
    assert "could not do this" in reply


async def test_a_choice_between_suggestions_is_left_to_the_user() -> None:
    talk = Conversation()
    reply = await talk.say("What time is it in Atlantis?")
    assert len(talk.made) == 1
    assert "Canada/Atlantic or Asia/Almaty" in reply


async def test_an_error_that_cannot_be_mended_is_said_plainly() -> None:
    talk = Conversation()
    assert "division by zero" in await talk.say("What is 1/0?")
    assert "no note 9 of yours" in await talk.say("delete note 9")
    assert len(talk.made) == 1


async def test_a_missing_argument_is_asked_for_and_the_answer_is_used() -> None:
    talk = Conversation()
    await talk.say("note: milk")
    assert "**note id**" in await talk.say("Delete a note")
    assert talk.made == []
    await talk.say("1")
    assert talk.made == [("delete_note", {"note_id": 1})]
    assert "**text**" in await talk.say("create a note")
    await talk.say("walk the dog")
    assert talk.made == [("create_note", {"text": "walk the dog"})]


async def test_a_value_beyond_the_schemas_limits_is_not_sent() -> None:
    talk = Conversation()
    await talk.say("show my latest 5000 notes")
    assert talk.made == [("list_notes", {})]


async def test_many_wishes_are_bounded() -> None:
    talk = Conversation()
    await talk.say(" ".join(f"What is {n}+{n}?" for n in range(1, 40)))
    assert len(talk.made) == 5


async def test_an_optional_argument_takes_nothing_from_a_required_one() -> None:
    search = tool("find_order", "Find.", {"limit": NUMBER, "order_id": NUMBER}, ("order_id",))
    talk = Conversation([search])
    talk._find_order = lambda **given: "found"  # type: ignore[attr-defined]
    await talk.say("find order 17")
    assert talk.made == [("find_order", {"order_id": 17})]
