"""Revisions in the console: any two compared, one gone back to, one tried; prompt settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.admin.console import Console, words
from tests.admin.test_agents_console import NEW, Consoles, create, publish


@pytest.fixture
def builder(console: Consoles) -> Console:
    return console("acme", "builder")


@pytest.fixture
def revisions(builder: Console) -> Iterator[tuple[str, list[str]]]:
    """An agent's change page, and the pages of its two revisions."""
    path, slug = create(builder)
    publish(builder, path)
    fields = builder.fields(path) | {"instructions": "Be loud."}
    builder.post(path, {**fields, "_save": "1"})
    publish(builder, path, "louder")
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    pages = re.findall(r"/admin/agents/revision/\d+/change/", listed)
    yield path, sorted(set(pages), key=lambda page: int(page.split("/")[4]))
    builder.post(path.replace("/change/", "/archive/"))


def test_going_back_shows_what_changes_and_keeps_the_history(
    builder: Console, revisions: tuple[str, list[str]]
) -> None:
    first, second = revisions[1]
    assert "Be loud." in builder.page(f"{second}?against=1")
    back = first.replace("/change/", "/back/")
    asked = builder.page(back)
    assert "Be brief." in asked and "Go back to r1" in asked
    told = builder.told(builder.post(back, {"note": "too loud"}))
    assert "published as r3" in told
    assert "Back to r1. too loud" in builder.page("/admin/agents/revision/")
    assert "Nothing would change" in builder.page(back)


def test_a_revision_is_tried_whatever_is_published(
    builder: Console, revisions: tuple[str, list[str]]
) -> None:
    first = revisions[1][0]
    answer = builder.post(first.replace("/change/", "/try/"), {"input": "Hello"})
    assert answer.status_code == 302
    assert "r1" in builder.page(answer.headers["location"])


def test_only_who_publishes_goes_back(console: Consoles, revisions: tuple[str, list[str]]) -> None:
    back = revisions[1][0].replace("/change/", "/back/")
    auditor = console("acme", "auditor")
    assert auditor.get(back).status_code == 403
    assert "Go back to this" not in auditor.page(revisions[1][0])
    assert console("globex", "builder").get(back).status_code in (302, 404)


def test_an_unknown_variable_is_said_in_the_form(builder: Console) -> None:
    answer = builder.post(
        "/admin/agents/agent/add/",
        {**NEW, "name": "Odd", "slug": "odd-one", "instructions": "Hi {{ member.shoe }}"},
    )
    assert answer.status_code == 200
    assert "there is no variable" in words(answer.text)


def test_a_prompt_setting_is_written_and_its_key_stays(builder: Console) -> None:
    add = "/admin/agents/promptsetting/add/"
    assert "small letter" in words(builder.post(add, {"key": "Bad Key", "value": "x"}).text)
    made = builder.post(add, {"key": "greeting", "value": "Hello", "_continue": "1"})
    assert made.status_code == 302
    page = made.headers["location"]
    builder.post(page, {"key": "other", "value": "Good day"})
    listed = builder.page("/admin/agents/promptsetting/")
    assert "{{ settings.greeting }}" in listed and "Good day" in listed
    builder.post(page.replace("/change/", "/delete/"), {"post": "yes"})
    assert "settings.greeting" not in builder.page("/admin/agents/promptsetting/")
