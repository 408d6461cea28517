"""A workflow written in a real browser: problems beside their lines, the graph as it grows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import PHONE

pytestmark = pytest.mark.browser

MORE = """\
  - id: keep
    kind: tool
    tool: create_not
    args:
      text: answer.text
"""


def write(page: Page, text: str) -> None:
    page.locator("[name=graph]").fill(text)


def test_problems_stand_beside_their_lines_and_the_graph_follows(visits: Any) -> None:
    page = visits.signed_in("builder")
    page.goto("/admin/workflows/workflow/add/")
    expect(page.get_by_role("status")).to_have_text("1 node in 1 phase. It can be published.")
    text = page.locator("[name=graph]")
    head, _, tail = text.input_value().partition("result:")
    write(page, f"{head}{MORE}result:{tail}")
    expect(page.get_by_role("status")).to_contain_text("1 problem: it can be saved, but not")
    line = f"{head}{MORE}".splitlines().index("    tool: create_not") + 1
    expect(page.locator(".wf-lines .wf-bad")).to_have_text([str(line)])
    page.get_by_role("button", name=f"Line {line}: keep: There is no tool create_not").click()
    chosen = "document.activeElement.value.slice(document.activeElement.selectionStart, "
    chosen += "document.activeElement.selectionEnd)"
    assert page.evaluate(chosen) == "create_not"
    node = page.get_by_role("button", name="Tool: keep")
    expect(node).to_have_class("wf-node wf-kind-tool wf-wrong")
    page.get_by_role("button", name="Agent: answer").focus()
    page.keyboard.press("ArrowRight")
    expect(node).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate(chosen).strip() == "- id: keep"
    write(page, f"{head}{MORE.replace('create_not', 'create_note')}result:{tail}")
    expect(page.get_by_role("status")).to_have_text("2 nodes in 2 phases. It can be published.")
    expect(page.locator(".wf-lines .wf-bad")).to_have_count(0)
    slug = f"flow-{uuid4().hex[:8]}"
    page.locator("[name=name]").fill(slug)
    page.locator("[name=slug]").fill(slug)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def test_what_can_not_be_read_leaves_the_last_graph_dimmed(visits: Any) -> None:
    page = visits.signed_in("builder")
    page.goto("/admin/workflows/workflow/add/")
    expect(page.locator("svg.wf-graph")).to_be_visible()
    write(page, "nodes: [")
    expect(page.get_by_role("status")).to_contain_text("it can't be saved like this")
    expect(page.locator(".wf-pan")).to_have_class("wf-pan wf-old")
    expect(page.locator("svg.wf-graph")).to_be_visible()


def test_a_graph_of_two_hundred_nodes_scrolls_and_grows_and_shrinks(visits: Any) -> None:
    page = visits.signed_in("builder")
    page.goto("/admin/workflows/workflow/add/")
    nodes = "".join(
        f"  - {{id: n{number}, kind: agent, agent: assistant, task: x"
        + (f", after: [n{number // 2}]" if number else "")
        + "}\n"
        for number in range(200)
    )
    write(page, f"nodes:\n{nodes}")
    expect(page.get_by_role("status")).to_contain_text("200 nodes in 9 phases")
    expect(page.locator(".wf-node")).to_have_count(200)
    width = "document.querySelector('svg.wf-graph').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate(width) > before * 1.2
    page.get_by_role("button", name="Smaller").click()
    page.get_by_role("button", name="Fit").click()
    assert page.evaluate(width) == pytest.approx(before, rel=0.02)
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert wider is False  # only the graph scrolls
    # One stop of the tab key for all of them.
    assert page.locator(".wf-node[tabindex='0']").count() == 1


def test_it_fits_a_phone(visits: Any) -> None:
    page = visits.signed_in("builder", **PHONE)
    page.goto("/admin/workflows/workflow/add/")
    expect(page.locator("svg.wf-graph")).to_be_visible()
    wider = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert wider is False
