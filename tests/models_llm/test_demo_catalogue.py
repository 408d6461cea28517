"""The demo model as a member of the catalogue's teams: by schemas and what a task brings along."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from agents.catalog.files import read
from agents.models_llm.demo import _decide
from agents.specs import AgentSpec
from agents.tools import registry
from agents.tools.calling import parse_arguments
from agents.tools.spec import openai_schema

Calls = list[tuple[str, dict[str, Any]]]
GIVEN = "\n\nWhat you are given:\n"


def decide(agent: str, message: str, *results: Any) -> tuple[str, Calls]:
    """What it says or calls; `results` are what the calls that it made first came to."""
    spec = read(agent).spec
    assert isinstance(spec, AgentSpec)
    tools = [openai_schema(registry.get(name)) for name in spec.tools]
    talk: list[BaseMessage] = [HumanMessage(message)]
    text, calls = _decide(talk, tools, {})
    if results:
        made = [
            {"name": call.tool.name, "args": call.arguments, "id": str(at), "type": "tool_call"}
            for at, call in enumerate(calls)
        ]
        talk.append(AIMessage(content=text, tool_calls=made))
        for at, result in enumerate(results):
            talk.append(ToolMessage(json.dumps(result), tool_call_id=str(at)))
        text, calls = _decide(talk, tools, {})
    for call in calls:  # what it calls, it calls rightly
        parse_arguments(registry.get(call.tool.name), call.arguments)
    return text, [(call.tool.name, call.arguments) for call in calls]


@pytest.mark.parametrize(
    ("agent", "message", "calls"),
    [
        ("market", "How is HELI doing?", [("get_quote", {"symbol": "HELI"})]),
        (
            "risk",
            "What can go wrong with ORBT and MERI in EUR?",
            [
                ("get_risk_figures", {"symbol": "ORBT"}),
                ("get_risk_figures", {"symbol": "MERI"}),
            ],
        ),
        (
            "risk",
            f"Judge its risk.{GIVEN}- market: The `get_quote` tool gave this result:\n\n"
            "- symbol: HELI\n- currency: EUR",
            [("get_risk_figures", {"symbol": "HELI"})],
        ),
        ("market", "Hello there!", []),
        ("analyst", "Find figures about buses.", [("find_figures", {"query": "buses"})]),
        (
            "writer",
            "How is the market for heat pumps developing?",
            [("search_archive", {"query": "How is the market for heat pumps developing?"})],
        ),
        ("coda-explorer", "Read docs/retries.md.", [("read_file", {"path": "docs/retries.md"})]),
        ("coda-triager", "Read issue 12.", [("read_issue", {"issue": 12})]),
        (
            "coda-coder",
            "Change `A = 8` to `A = 5` in ledgerly/retry.py because the docs say five.",
            [
                (
                    "change_file",
                    {
                        "path": "ledgerly/retry.py",
                        "old": "A = 8",
                        "new": "A = 5",
                        "reason": "the docs say five",
                    },
                )
            ],
        ),
        ("pal-syncer", "List my to-dos.", [("list_todos", {})]),
        (
            "pal-syncer",
            "Add a to-do: book the dentist",
            [("add_todo", {"text": "book the dentist"})],
        ),
        (
            "emergency-resources",
            f"Reserve units for incident 12 at “Central Mall”.{GIVEN}- incident: 12\n"
            '- location: Central Mall\n- kinds: ["ambulance", "police"]',
            [
                (
                    "reserve_units",
                    {"incident": 12, "location": "Central Mall", "kinds": ["ambulance", "police"]},
                )
            ],
        ),
        (
            "triage-technical",
            "Run a diagnostic.\n\nThe customer wrote: “The billing service is down, help!”",
            [("run_diagnostic", {"service": "billing"})],
        ),
        (
            "editor",
            "Check this draft.\n\n## Draft\n# A\n\nB.",
            [("check_draft", {"draft": "# A\n\nB."})],
        ),
    ],
)
def test_it_calls_what_the_task_is_about(agent: str, message: str, calls: Calls) -> None:
    assert decide(agent, message)[1] == calls


def test_it_writes_from_what_it_is_given_and_says_so() -> None:
    material = (
        "\n\n## Reported\nThe `search_web` tool found 1 result:\n\n- **a**: Prices fell by 3.5%. "
        "Sales rose. Nobody knows why. And th… (Demo Courier, 2026-01-02)\n\n## Figures\n- b: 12."
    )
    text, calls = decide("writer", f"Write a text titled “pumps”.{material}")
    assert not calls and text.startswith(
        "# Pumps\n\n**Reported.** Prices fell by 3.5%. Sales rose."
    )
    assert "search_web" not in text and "And th" not in text and "Sources" not in text
    assert "add nothing of my own" in text
    text, _ = decide("writer", f"Write a text titled “pumps” and name your sources.{material}")
    assert "**Sources**\n\n- Demo Courier, 2026-01-02" in text


@pytest.mark.parametrize(
    ("message", "area", "severity"),
    [
        ("I was charged twice on my account.", "billing", "high"),
        ("Your search is down for everybody!", "technical", "critical"),
        ("How do I change my password?", "account", "low"),
        ("Hello.", "technical", "normal"),
    ],
)
def test_it_sorts_by_what_the_values_are_described_as(
    message: str, area: str, severity: str
) -> None:
    [node] = [one for one in read("support-triage").spec.nodes if one.id == "classify"]  # type: ignore[union-attr]
    asked = f"{message}\n\nAnswer with JSON alone, by this JSON schema:\n{json.dumps(node.output)}"  # type: ignore[union-attr]
    text, calls = decide("triage-classifier", asked)
    assert not calls and json.loads(text) == {"area": area, "severity": severity}


def test_json_is_answered_from_what_a_tool_gave() -> None:
    schema = {
        "type": "object",
        "properties": {"approved": {"type": "boolean"}, "notes": {"type": "array"}},
        "required": ["approved", "notes"],
    }
    asked = "Check this draft.\n\n## Draft\nB.\n\nAnswer with JSON alone. JSON schema: "
    asked += json.dumps(schema)
    text, calls = decide("editor", asked, {"approved": False, "notes": ["Longer."], "words": 1})
    assert not calls and json.loads(text) == {"approved": False, "notes": ["Longer."]}
