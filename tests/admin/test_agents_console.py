"""Agents in the console: written as drafts, compared, published, archived."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.admin.console import Console, words

Consoles = Callable[..., Console]
NEW = {
    "description": "Made by a test",
    "instructions": "Be brief.\nBe kind.",
    "model": "default",
    "tools": ["calculator", "current_time"],
    "history_runs": "5",
    "max_turns": "4",
    "max_tokens": "9000",
    "max_seconds": "60",
}


def create(console: Console, **fields: Any) -> tuple[str, str]:
    """A new draft: its change page and its slug."""
    slug = f"test-{uuid4().hex[:10]}"
    answer = console.post(
        "/admin/agents/agent/add/", {**NEW, "name": slug, "slug": slug, "_continue": "1", **fields}
    )
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"], slug


@pytest.fixture
def builder(console: Consoles) -> Console:
    return console("acme", "builder")


@pytest.fixture
def draft(builder: Console) -> Iterator[tuple[str, str]]:
    path, slug = create(builder)
    yield path, slug
    builder.post(path.replace("/change/", "/archive/"))


def publish(console: Console, path: str, note: str = "") -> str:
    return console.told(console.post(path.replace("/change/", "/publish/"), {"note": note}))


def test_a_draft_is_published_after_its_differences_were_shown(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    page = builder.page(path.replace("/change/", "/publish/"))
    assert "The first revision, r1" in page
    assert "calculator, current_time" in page
    assert f"{slug} r1 is published" in publish(builder, path, "The first one")

    fields = builder.fields(path)
    assert "slug" not in fields  # read only from now on
    fields |= {"max_turns": "7", "instructions": "Be brief.\nBe exact.", "tools": ["calculator"]}
    assert builder.post(path, {**fields, "_save": "1"}).status_code == 302
    row = builder.page(f"/admin/agents/agent/?q={slug}")
    assert "unpublished changes" in row and "r1" in row
    page = builder.get(path.replace("/change/", "/publish/")).text
    assert "What changes from r1 to r2" in page
    assert "<del>Be kind.</del>" in page and "<ins>Be exact.</ins>" in page
    assert "<del>4</del>" in page and "<ins>7</ins>" in page
    assert "Description" not in words(page)  # the same in both
    assert "r2 is published" in publish(builder, path, "Exact")
    assert "unpublished changes" not in builder.page(f"/admin/agents/agent/?q={slug}")

    listed = builder.page(f"/admin/agents/revision/?slug={slug}")
    assert "r1" in listed and "r2" in listed and "Exact" in listed and "Builder" in listed
    assert "Published r2. Exact" in builder.page(path.replace("/change/", "/history/"))


def test_publishing_an_unchanged_draft_makes_no_revision(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, _ = draft
    publish(builder, path)
    assert "Nothing to publish" in builder.page(path.replace("/change/", "/publish/"))
    assert "nothing has changed" in publish(builder, path)


def test_saving_an_untouched_draft_is_no_change(builder: Console) -> None:
    path, slug = create(builder, tools=["current_time", "calculator"])
    publish(builder, path)
    fields = builder.fields(path)
    assert fields["tools"] == ["calculator", "current_time"]  # the page's order, not the draft's
    assert builder.post(path, {**fields, "_save": "1"}).status_code == 302
    assert "unpublished changes" not in builder.page(f"/admin/agents/agent/?q={slug}")
    builder.post(path.replace("/change/", "/archive/"))


def test_save_and_publish_leads_to_the_differences(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, _ = draft
    answer = builder.post(path, {**builder.fields(path), "agents_agent_save_and_publish": "1"})
    assert answer.headers["location"] == path.replace("/change/", "/publish/")


def test_a_revision_shows_its_spec_and_what_changed(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    publish(builder, path)
    fields = builder.fields(path) | {"max_seconds": "61"}
    builder.post(path, {**fields, "_save": "1"})
    publish(builder, path)
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    newest = re.findall(r"/admin/agents/revision/\d+/change/", listed)[0]
    page = builder.page(newest)
    assert "What is different from r1" in page and "60 arrow_forward 61" in page
    assert '"seconds": 61' in page
    assert builder.post(newest, {"slug": "other"}).status_code in (200, 403, 405)
    assert f"{slug} r2" in builder.page(newest)


def test_bad_drafts_are_refused_where_they_are_wrong(builder: Console) -> None:
    for wrong, said in (
        ({"slug": "Not A Slug"}, "Small letters, digits and hyphens"),
        ({"tools": ["no_such"]}, "No such tool: no_such"),
        ({"max_seconds": "999999"}, "seconds are allowed here"),
        ({"temperature": "9"}, "less than or equal to 2"),
        ({"slug": "assistant"}, "already exists"),
    ):
        answer = builder.post(
            "/admin/agents/agent/add/", {**NEW, "name": "Refused", "slug": "never-written", **wrong}
        )
        assert answer.status_code == 200
        assert said in words(answer.text)
    assert builder.get("/admin/agents/agent/?q=never-written").text.count("/change/") == 0


def test_a_published_agent_is_archived_and_never_deleted(
    builder: Console, api: Any, draft: tuple[str, str]
) -> None:
    path, slug = draft
    publish(builder, path)
    told = builder.told(builder.post(path.replace("/change/", "/delete/"), {"post": "yes"}))
    assert "Archive it instead" in told
    assert "Archive" in builder.page(path.replace("/change/", "/archive/"))  # asks first
    runs = f"/agents/{slug}/runs"
    assert api("acme", "member").post(runs, json={"input": "2+2"}).status_code == 200
    assert "is archived" in builder.told(builder.post(path.replace("/change/", "/archive/")))
    assert api("acme", "member").post(runs, json={"input": "2+2"}).status_code == 404
    assert "is back" in builder.told(builder.post(path.replace("/change/", "/unarchive/")))
    assert api("acme", "member").post(runs, json={"input": "2+2"}).status_code == 200


def test_a_draft_that_was_never_published_can_be_deleted(builder: Console) -> None:
    path, slug = create(builder)
    answer = builder.post(path.replace("/change/", "/delete/"), {"post": "yes"})
    assert "is deleted" in builder.told(answer)
    assert slug not in builder.page("/admin/agents/agent/")


def test_who_may_only_read_changes_nothing(
    console: Consoles, builder: Console, draft: tuple[str, str]
) -> None:
    path, _ = draft
    auditor = console("acme", "auditor")
    page = auditor.page(path)
    assert "Be kind." in page and "calculator, current_time" in page
    assert "Save" not in page and "Publish…" not in page
    for verb in ("publish", "archive", "delete"):
        assert auditor.get(path.replace("/change/", f"/{verb}/")).status_code == 403
        assert auditor.post(path.replace("/change/", f"/{verb}/")).status_code == 403
    assert auditor.post(path, {**NEW, "name": "x", "slug": "x"}).status_code == 403


def test_each_tenant_has_its_own_agents(
    console: Consoles, builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    other = console("globex", "builder")
    assert slug not in other.page("/admin/agents/agent/")
    assert other.get(path).status_code in (302, 404) or slug not in other.page(path)
