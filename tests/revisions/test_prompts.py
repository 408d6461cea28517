"""Prompts with variables: filled in for each run, the same again when a run is recovered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.prompts import VARIABLES, Facts, PromptError, compile_prompt, values_of

FACTS = Facts(
    member_name="Ada {{ tenant.name }}",
    username="ada",
    time_zone="Pacific/Auckland",
    tenant_name="Acme",
    tenant_slug="acme",
    started_at=datetime(2026, 11, 21, 13, 5, 59, tzinfo=UTC),
)


def rendered(text: str, **settings: str) -> str:
    prompt = compile_prompt(text)
    return prompt.render(values_of(prompt.variables, FACTS, settings))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain { text } with {braces}.", "Plain { text } with {braces}."),
        ("{{date}} {{ now }}", "2026-11-22 2026-11-22 02:05+13:00"),
        ("{{ member.username }} of {{ tenant.slug }}", "ada of acme"),
        (r"\{{ date }} and {{ tenant.name }}", "{{ date }} and Acme"),
        ("{{ settings.tone }}!{{ settings.unset }}!", "warm!!"),
        ("{{ tenant.name }}{{ tenant.name }}", "AcmeAcme"),
        ("", ""),
    ],
)
def test_variables_are_replaced_and_nothing_else(text: str, expected: str) -> None:
    assert rendered(text, tone="warm") == expected


def test_a_value_is_never_read_as_a_template() -> None:
    assert rendered("Hi {{ member.name }}") == "Hi Ada {{ tenant.name }}"


def test_an_unknown_time_zone_counts_as_utc() -> None:
    prompt = compile_prompt("{{ date }}")
    facts = Facts("a", "a", "Nowhere/Land", "A", "a", FACTS.started_at)
    assert prompt.render(values_of(prompt.variables, facts, {})) == "2026-11-21"


@pytest.mark.parametrize(
    "name", ["member", "member.password", "settings.", "settings.A", "1+1", ""]
)
def test_an_unknown_variable_is_refused_with_its_line_and_the_known_ones(name: str) -> None:
    with pytest.raises(PromptError) as refused:
        compile_prompt(f"First.\nThen {{{{ {name} }}}}.")
    message = str(refused.value)
    assert message.startswith("Line 2: ")
    assert all(known in message for known in VARIABLES)
