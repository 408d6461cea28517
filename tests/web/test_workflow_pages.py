"""Workflows in the web app: a form of their input, a run's live graph, what it asks, its nodes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.approvals.beside_a_browser import elsewhere
from tests.approvals.making import decide, waiting
from tests.support.waiting import until
from tests.teams.making import NOTES
from tests.web.browsing import PHONE, Visits
from tests.workflows.making import Flows, run_flow

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]
ORDER = {
    "type": "object",
    "required": ["amount", "kind"],
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "description": "In whole euros."},
        "kind": {"type": "string", "enum": ["gift", "sale"]},
        "note": {"type": "string"},
    },
}


def order(flows: Flows) -> str:
    """Two steps of each of a list, a person, an agent that asks, and what is made of it."""
    scribe = flows.agent("scribe", NOTES, "create_note", grants={"create_note": {"tier": "user"}})
    return flows.flow(
        "order",
        {"id": "twice", "kind": "transform", "title": "Double it",
         "args": {"n": "input.amount"}, "set": {"n": "args.n * 2"}},
        {"id": "each", "kind": "map", "over": {"value": [3, 5, 7]},
         "nodes": [{"id": "add", "kind": "transform", "args": {"n": "item"},
                    "set": {"n": "args.n + 1"}}]},
        {"id": "gate", "kind": "human", "message": "Is {{ args.n }} right?",
         "args": {"n": "twice.n"}, "ask": "form",
         "form": {"type": "object", "required": ["reason"],
                  "properties": {"reason": {"type": "string", "maxLength": 80}}}},
        {"id": "note", "kind": "agent", "agent": scribe, "after": ["gate"],
         "args": {"why": "gate.reason"},
         "task": f"Create a note saying {flows.mark} {{{{ args.why }}}}"},
        {"id": "done", "kind": "transform", "args": {"n": "twice.n", "t": "note.text"},
         "set": {"n": "args.n"}},
        input=ORDER,
        description="Doubles an order and asks about it.",
        result={"total": "done.n", "because": "gate.reason"},
    )  # fmt: skip


def line(page: Page, node: str) -> Any:
    return page.locator(f'[data-line="{node}"]')


def state(page: Page, status: str) -> None:
    expect(page.locator("#flow-head .flow-state")).to_have_text(status, timeout=30_000)


def test_a_workflow_is_started_by_its_form_decided_on_its_page_and_run_again(
    visits: Visits,
) -> None:
    tenant = "globex"
    flows = Flows(tenant)
    slug = elsewhere(lambda: order(flows))
    page = visits.sign_in("member", tenant)
    page.get_by_role("link", name="Workflows").click()
    page.locator(".card").filter(has=page.locator(f'[href="/workflows/{slug}/"]')).click()
    expect(page.get_by_text("run it yet.")).to_be_visible()
    page.get_by_label("Amount").fill("0")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    page.get_by_label("gift").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Amount").fill("21")
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile(rf"/workflows/{slug}/runs/[0-9a-f-]{{36}}/$"))

    # The graph follows the run, and what is asked stands on the page.
    state(page, "Waiting")
    box = page.locator('.wf-node[data-node="twice"]')
    expect(box).to_have_class(re.compile("wf-state-completed"))
    expect(page.locator('.wf-node[data-node="gate"]')).to_have_class(re.compile("wf-state-waiting"))
    expect(page.locator('.wf-node[data-node="note"]')).to_have_class(re.compile("wf-state-open"))
    expect(page.locator("#flow-counts")).to_have_text("1 waiting · 3 completed · 2 not begun")
    card = page.locator("#flow-asked .approval")
    expect(card).to_contain_text("Is 42 right?")
    card.get_by_label("Reason").fill("it adds up")
    card.get_by_role("button", name="Send the answer").click()

    # A second card comes by itself: of the agent that the next node runs.
    second = page.locator("#flow-asked .approval").nth(1)
    expect(second.get_by_role("definition")).to_have_text(f"{flows.mark} it adds up")
    expect(page.locator('.wf-node[data-node="note"]')).to_have_class(re.compile("wf-state-waiting"))
    second.get_by_role("button", name="Approve", exact=True).click()
    state(page, "Completed")
    result = page.locator("#flow-result")
    expect(result.get_by_role("heading", name="Result", exact=True)).to_be_visible()
    expect(result.get_by_role("definition").first).to_have_text("42")
    expect(page.locator("#flow-counts")).to_have_text("6 completed")
    assert elsewhere(flows.notes) == [f"{flows.mark} it adds up"]

    # A node by the keyboard: its times, what it took and gave.
    page.locator('.wf-node[data-node="twice"]').focus()
    page.keyboard.press("Enter")
    panel = page.locator("#node")
    expect(panel.get_by_role("heading", name="Double it")).to_be_focused()
    expect(panel.get_by_role("definition")).to_have_text(["21", "42"])
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator('.wf-node[data-node="twice"]')).to_be_focused()
    page.locator('.wf-node[data-node="each/add"]').click()
    expect(panel.get_by_role("link", name="Time 3, completed")).to_be_visible()
    panel.get_by_role("link", name="Time 2, completed").click()
    expect(panel.get_by_role("definition")).to_have_text(["5", "6"])
    expect(page).to_have_url(re.compile(r"\?node=each%5B1%5D%2Fadd$"))
    page.reload()  # the same address draws the same
    expect(panel.get_by_role("definition")).to_have_text(["5", "6"])
    expect(page.locator("#flow-counts")).to_have_text("6 completed")

    # The same again with other input: the form has what this run was given.
    page.get_by_role("link", name="Run it anew, with other input").click()
    expect(page.get_by_label("Amount")).to_have_value("21")
    expect(page.get_by_label("gift")).to_be_checked()
    page.go_back()

    # From a node on: what was before it is taken over.
    page.locator('.wf-node[data-node="done"]').click()
    panel.get_by_role("button", name="Run again from here").click()
    # Of a group taken over what it came to is, and not what was done inside of it.
    expect(page.locator("#flow-counts")).to_have_text("5 completed · 1 not begun")
    state(page, "Completed")
    page.locator('.wf-node[data-node="note"]').click()
    expect(panel.get_by_text("taken over from an earlier run")).to_be_visible()
    page.get_by_role("link", name="All runs of it").click()
    expect(page.locator(".flow-run")).to_have_count(2)
    assert elsewhere(flows.notes) == [f"{flows.mark} it adds up"]


def test_a_run_is_cancelled_after_asking_and_nothing_is_asked_any_more(visits: Visits) -> None:
    flows = Flows("globex")
    slug = elsewhere(lambda: order(flows))
    page = visits.signed_in("member", "globex", **PHONE)
    page.goto(f"/workflows/{slug}/")
    page.get_by_label("Amount").fill("3")
    page.get_by_label("sale").check()
    page.get_by_role("button", name="Start").click()
    state(page, "Waiting")
    # A phone has the list; a tap shows the node over it.
    expect(page.locator(".wf-pan")).to_be_hidden()
    expect(line(page, "gate").locator('[data-part="words"]')).to_have_text("waiting")
    line(page, "twice").tap()
    expect(page.locator("#node").get_by_role("definition")).to_have_text(["3", "6"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Close the node").tap()
    expect(page.locator("#node")).to_be_hidden()
    page.get_by_role("button", name="Graph").tap()
    expect(page.locator(".wf-pan")).to_be_visible()
    page.get_by_text("Cancel…").tap()
    page.get_by_role("button", name="Cancel the run").tap()
    state(page, "Cancelled")
    expect(page.locator("#flow-asked .approval")).to_have_count(0)
    expect(page.get_by_text("It was cancelled before it had a result.")).to_be_visible()
    expect(page.locator('.wf-node[data-node="gate"]')).to_have_class(
        re.compile("wf-state-cancelled")
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_others_decide_and_what_fails_shows_on_an_open_page(visits: Visits, api: Any) -> None:
    flows = Flows("acme")

    def make() -> str:
        return flows.flow(
            "strict",
            {"id": "gate", "kind": "human", "message": "Go on?", "roles": ["approver"]},
            {"id": "sum", "kind": "tool", "tool": "calculator", "title": "The sum",
             "after": ["gate"], "args": {"expression": {"value": "1 / 0"}}},
            {"id": "first", "kind": "transform", "set": {"n": "1"}},
            result={"n": "first.n", "sum": "sum.result"},
        )  # fmt: skip

    slug = elsewhere(make)
    run = run_flow(api("acme"), slug, "go")
    page = visits.signed_in()
    page.goto(f"/workflows/{slug}/runs/{run['id']}/")
    card = page.locator("#flow-asked .approval")
    expect(card.get_by_text("Waits for somebody else")).to_be_visible()
    expect(card.get_by_role("button")).to_have_count(0)
    approver = api("acme", "approver")
    [asked] = waiting(approver, run["id"])
    assert decide(approver, asked["id"], "approve").status_code == 200
    state(page, "Failed")
    expect(card.get_by_text("Approved by Approver")).to_be_visible()
    result = page.locator("#flow-result")
    expect(result.get_by_role("alert")).to_contain_text("The sum failed")
    expect(result.get_by_role("heading", name="What there is of the result")).to_be_visible()
    expect(result.get_by_role("definition")).to_have_text(["1"])
    result.get_by_role("link", name="See the node that failed").click()
    expect(page.locator("#node").get_by_role("heading", name="The sum")).to_be_focused()
    expect(page.locator("#node .notice.danger")).to_be_visible()
    # Its list finds a node by its name and its state.
    page.get_by_role("button", name="List").click()
    page.get_by_label("Find a node").fill("failed")
    expect(page.locator(".flow-lines li:visible")).to_have_count(1)
    expect(page.locator(".flow-lines li:visible")).to_contain_text("The sum")


def test_without_a_script_it_is_started_looked_at_and_cancelled(visits: Visits) -> None:
    flows = Flows("acme")
    slug = elsewhere(lambda: order(flows))
    page = visits.signed_in("member", "acme", java_script_enabled=False)
    page.goto(f"/workflows/{slug}/")
    page.get_by_label("Amount").fill("2")
    page.get_by_label("gift").check()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/**")
    until(
        lambda: (page.reload(), page.locator("#flow-head .flow-state").inner_text())[1],
        lambda now: now == "Waiting",
    )
    line(page, "twice").click()
    expect(page.locator("#node").get_by_role("definition")).to_have_text(["2", "4"])
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    state(page, "Cancelled")


def test_a_run_is_nobody_else_s_to_see_or_to_steer(visits: Visits, api: Any) -> None:
    flows = Flows("acme")
    slug = elsewhere(lambda: order(flows))
    run = run_flow(api("acme"), slug, {"amount": 1, "kind": "gift"})
    address = f"/workflows/{slug}/runs/{run['id']}/"
    page = visits.signed_in("member", "globex")
    for path in (address, f"{address}node/?node=twice", f"/workflows/{slug}/"):
        answer = page.goto(path)
        assert answer is not None and answer.status == 404, path
    page = visits.signed_in("builder")  # may read all runs, and steer only their own
    page.goto(address)
    state(page, "Waiting")
    expect(page.get_by_text("Cancel…")).to_have_count(0)
    expect(page.get_by_text("Run it anew")).to_have_count(0)
    page = visits.signed_in()
    for path in (f"{address}node/?node=nothing", f"{address}node/?node=each/nothing"):
        answer = page.goto(path)
        assert answer is not None and answer.status == 404, path
    # Under another workflow's name it leads to its own.
    page.goto(f"/workflows/other/runs/{run['id']}/")
    expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))


def test_two_hundred_nodes_are_drawn_listed_and_reached_with_the_keyboard(
    visits: Visits, api: Any
) -> None:
    scheme = "dark"
    flows = Flows("globex")

    def make() -> str:
        nodes = [{"id": "start", "kind": "transform", "set": {"n": "0"}}]
        for row in range(20):
            for column in range(10):
                before = f"n{row}_{column - 1}.n" if column else "start.n"
                nodes.append(
                    {"id": f"n{row}_{column}", "kind": "transform",
                     "args": {"n": before}, "set": {"n": "args.n + 1"}}
                )  # fmt: skip
        return flows.flow("wide", *nodes, result={"n": "n19_9.n"})

    slug = elsewhere(make)
    page = visits.signed_in("member", "globex", color_scheme=scheme)
    page.goto(f"/workflows/{slug}/")
    page.get_by_label("What it should work on").fill("go")
    page.get_by_role("button", name="Start").click()
    state(page, "Completed")
    expect(page.locator("#flow-counts")).to_have_text("201 completed")
    expect(page.locator(".wf-node.wf-state-completed")).to_have_count(201)
    # Letters in it are no smaller than can be read: it is scrolled, not shrunk to nothing.
    letter = page.locator(".wf-title").first.evaluate("one => one.getBoundingClientRect().height")
    assert letter >= 6
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator('.wf-node[tabindex="0"]').focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#node h3")).to_have_text(re.compile(r"n\d+_2"))
    page.get_by_role("button", name="List").click()
    page.get_by_label("Find a node").fill("n7_")
    expect(page.locator(".flow-lines li:visible")).to_have_count(10)
