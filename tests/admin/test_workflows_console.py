"""Workflows in the console: written as YAML, checked, published, compared, exported, archived."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.admin.console import Console, words

Consoles = Callable[..., Console]
ADD = "/admin/workflows/workflow/add/"
LIST = "/admin/workflows/workflow/"
PREVIEW = "/admin/workflows/workflow/preview/"
GRAPH = """\
nodes:
  - id: ask
    kind: agent
    agent: assistant
    task: Say hello
  - id: keep
    kind: tool
    tool: create_note
    args:
      text: ask.text
"""


def create(console: Console, graph: str = GRAPH, **fields: Any) -> tuple[str, str]:
    """A new draft: its change page and its slug."""
    slug = f"flow-{uuid4().hex[:10]}"
    data = {"name": slug, "slug": slug, "description": "", "graph": graph, "_continue": "1"}
    answer = console.post(ADD, {**data, **fields})
    assert answer.status_code == 302, words(answer.text)
    return answer.headers["location"], slug


@pytest.fixture
def builder(console: Consoles) -> Console:
    return console("acme", "builder")


@pytest.fixture
def draft(builder: Console) -> Iterator[tuple[str, str]]:
    path, slug = create(builder)
    yield path, slug
    builder.post(path.replace("/change/", "/delete/"), {"post": "yes"})
    builder.post(path.replace("/change/", "/archive/"))


def test_a_draft_is_written_published_and_kept_as_a_revision(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    publish = path.replace("/change/", "/publish/")
    page = builder.page(publish)
    assert "The first revision, r1" in page and "agent: assistant" in page
    assert f"{slug} r1 is published." in builder.told(builder.post(publish, {"note": "first"}))
    assert "Nothing to publish" in builder.page(publish)
    fields = builder.fields(path) | {"description": "Says hello", "_save": "1"}
    fields["graph"] = fields["graph"].replace("Say hello", "Say good day")
    assert builder.post(path, fields).status_code == 302
    assert "unpublished changes" in builder.page(f"{LIST}?q={slug}")
    changes = builder.page(publish)
    assert "What changes from r1 to r2" in changes
    assert "task: Say hello" in changes and "task: Say good day" in changes
    assert "Says hello" in changes
    builder.post(publish, {"note": "kinder"})
    listed = builder.get(f"/admin/agents/revision/?slug={slug}").text
    pages = sorted(set(re.findall(r"/admin/agents/revision/(\d+)/change/", listed)), key=int)
    first, second = (f"/admin/agents/revision/{number}/change/" for number in pages)
    shown = builder.get(second)
    assert 'class="wf-graph"' in shown.text and 'data-node="keep"' in shown.text
    assert "What is different from" in words(shown.text)
    assert "Try r2" in words(shown.text)
    back = first.replace("/change/", "/back/")
    assert "task: Say good day" in builder.page(back)
    assert "published as r3" in builder.told(builder.post(back, {"note": "better", "draft": "yes"}))
    assert "Say hello" in builder.fields(path)["graph"]


def test_what_has_no_form_is_refused_with_its_line_and_kept_in_the_field(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, _ = draft
    fields = builder.fields(path)
    wrong = fields["graph"].replace("    task: Say hello", "    tsak: Say hello")
    answer = builder.post(path, {**fields, "graph": wrong, "_save": "1"})
    assert answer.status_code == 200
    assert "Line 5, column 5: ask: A node of kind agent has no tsak: did you mean task?" in words(
        answer.text
    )
    assert "tsak: Say hello" in answer.text
    assert builder.fields(path)["graph"] == fields["graph"]


def test_what_names_nothing_may_be_saved_and_not_published(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, _ = draft
    fields = builder.fields(path)
    later = fields["graph"].replace("agent: assistant", "agent: not-there-yet")
    assert builder.post(path, {**fields, "graph": later, "_save": "1"}).status_code == 302
    publish = path.replace("/change/", "/publish/")
    page = builder.page(publish)
    assert "The draft can't be published yet" in page
    assert "Line 4, column 12: ask: There is no agent not-there-yet." in page
    answer = builder.post(publish, {"note": ""})
    assert answer.status_code == 200 and "can't be published" in words(answer.text)
    assert "r1" not in builder.page(f"{LIST}?q={fields['slug']}")


def test_the_preview_draws_and_tells_every_problem(builder: Console) -> None:
    builder.get(ADD)
    answer = builder.post(PREVIEW, {"text": GRAPH.replace("ask.text", "ask.txt"), "slug": "x"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["problems"] == [
        {
            "line": 10,
            "column": 13,
            "node": "keep",
            "place": "nodes[1].args.text",
            "message": "ask has no txt. There is: text.",
        }
    ]
    assert (found["nodes"], found["phases"]) == (2, 2)
    assert 'data-line="6"' in found["svg"] and "wf-wrong" in found["svg"]
    unreadable = builder.post(PREVIEW, {"text": "nodes: ["}).json()
    assert unreadable["svg"] == "" and "no YAML" in unreadable["problems"][0]["message"]
    assert builder.get(PREVIEW).status_code == 405


def test_it_is_exported_as_the_file_that_can_be_imported(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    answer = builder.get(path.replace("/change/", "/export/"))
    assert answer.headers["content-type"] == "application/yaml"
    assert f'filename="{slug}.yaml"' in answer.headers["content-disposition"]
    assert answer.text.startswith(f"kind: workflow\nslug: {slug}\nname: {slug}\nnodes:\n")


def test_a_file_is_taken_in_after_a_look_at_what_it_replaces(
    builder: Console, draft: tuple[str, str]
) -> None:
    path, slug = draft
    page = f"{LIST}import/"
    assert "Import a workflow" in builder.page(page)
    file = builder.get(path.replace("/change/", "/export/")).text
    wrong = file.replace("task:", "tsak:")
    assert "Line 8, column 5: ask: A node of kind agent has no tsak" in words(
        builder.post(page, {"text": wrong}).text
    )
    assert "Choose a file" in words(builder.post(page, {"text": " "}).text)
    changed = file.replace("Say hello", "Say goodbye")
    asked = words(builder.post(page, {"text": changed}).text)
    assert f"What changes in the draft of {slug}" in asked and "task: Say goodbye" in asked
    assert "Say hello" in builder.fields(path)["graph"]
    told = builder.told(builder.post(page, {"text": changed, "confirmed": "yes"}))
    assert f"The draft of {slug} is what the file says." in told
    assert "Say goodbye" in builder.fields(path)["graph"]
    assert "already" in words(builder.post(page, {"text": changed}).text)


def test_an_archived_one_stays_with_its_revisions(builder: Console, draft: tuple[str, str]) -> None:
    path, slug = draft
    builder.post(path.replace("/change/", "/publish/"), {"note": ""})
    delete = path.replace("/change/", "/delete/")
    assert "Archive it instead" in builder.told(builder.get(delete))
    assert "Archive it instead" in builder.told(builder.post(delete, {"post": "yes"}))
    archive = path.replace("/change/", "/archive/")
    assert f"Archive {slug}?" in builder.page(archive)
    assert f"{slug} is archived." in builder.told(builder.post(archive))
    inner = f"nodes:\n  - {{id: a, kind: workflow, workflow: {slug}}}\n"
    found = builder.post(PREVIEW, {"text": inner}).json()
    assert [one["message"] for one in found["problems"]] == [f"The workflow {slug} is archived."]
    assert "is back" in builder.told(builder.post(path.replace("/change/", "/unarchive/")))


def test_who_may_only_read_sees_the_graph_and_changes_nothing(
    console: Consoles, draft: tuple[str, str]
) -> None:
    path, slug = draft
    auditor = console("acme", "auditor")
    page = auditor.get(path)
    assert 'class="wf-graph"' in page.text and "kind: agent" in words(page.text)
    assert "<textarea" not in page.text
    assert auditor.post(path, {"name": "Mine", "slug": slug, "graph": GRAPH}).status_code == 403
    for verb in ("publish", "archive"):
        assert auditor.get(path.replace("/change/", f"/{verb}/")).status_code == 403
    assert auditor.post(PREVIEW, {"text": GRAPH}).status_code == 403


def test_another_tenant_has_none_of_it(console: Consoles, draft: tuple[str, str]) -> None:
    path, slug = draft
    other = console("globex", "builder")
    assert slug not in other.page(LIST)
    assert other.get(path.replace("/change/", "/export/")).status_code in (302, 404)
    answer = other.post(
        PREVIEW, {"text": f"nodes:\n  - {{id: a, kind: workflow, workflow: {slug}}}\n"}
    )
    assert answer.json()["problems"][0]["message"] == f"There is no workflow {slug}."
