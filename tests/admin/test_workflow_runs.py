"""A workflow's run in the console: tried from its revision, drawn as it goes, forms answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tenants.context import use_tenant
from tests.admin.console import Console
from tests.approvals.beside_a_browser import elsewhere
from tests.approvals.making import waiting
from tests.workflows.making import Flows, ended, run_flow

Consoles = Callable[..., Console]
pytestmark = pytest.mark.usefixtures("committed")
TYPED = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}, "word": {"type": "string"}},
}


def asking(flows: Flows) -> str:
    return flows.flow(
        "asking",
        {"id": "twice", "kind": "transform", "args": {"n": "input.n"}, "set": {"n": "args.n * 2"}},
        {
            "id": "sum_up",
            "kind": "human",
            "ask": "form",
            "message": "How much for {{ args.n }}?",
            "args": {"n": "twice.n"},
            "roles": ["approver"],
            "form": {
                "type": "object",
                "required": ["amount"],
                "properties": {"amount": {"type": "integer", "minimum": 1}},
            },
        },
        {
            "id": "after",
            "kind": "transform",
            "args": {"a": "sum_up.amount"},
            "set": {"a": "args.a"},
        },
        input=TYPED,
        result={"amount": "after.a"},
    )


def revision_of(flows: Flows, slug: str) -> int:
    with use_tenant(flows.ref):
        from agents.models import Revision

        return int(Revision.objects.get(kind="workflow", slug=slug).pk)


def test_a_revision_is_tried_on_the_fields_of_its_input(console: Consoles) -> None:
    flows = Flows("acme")
    slug = asking(flows)
    owner = console("acme", "owner")
    page = f"/admin/agents/revision/{revision_of(flows, slug)}/change/"
    assert "Run it" in owner.page(page)
    missing = owner.post(page.replace("/change/", "/try/"), {"field-word": "x"})
    assert "N: " in owner.told(missing)
    shown = owner.told(
        owner.post(page.replace("/change/", "/try/"), {"field-n": "4", "field-word": "x"})
    )
    assert slug in shown and "Graph" in shown


def test_a_form_for_a_role_is_filled_in_from_the_queue(api: Any, console: Consoles) -> None:
    flows = Flows("globex")
    member = api("globex")
    run = run_flow(member, asking(flows), {"n": 3})
    assert run["status"] == "paused"
    [asked] = waiting(api("globex", "approver"), run["id"])
    approver = console("globex", "approver")
    page = approver.page(f"/admin/approvals/approval/{asked['id']}/change/")
    assert "How much for 6?" in page and "Fill it in" in page and "Sum up" in page
    decide = f"/admin/approvals/approval/{asked['id']}/decide/"
    wrong = approver.post(decide, {"decision": "respond", "field-amount": "0"})
    assert "minimum" in wrong.text
    assert approver.post(decide, {"decision": "respond", "field-amount": "5"}).status_code in (
        200,
        302,
    )
    assert ended(member, run["id"])["output"] == {"amount": 5}


@pytest.mark.browser
def test_the_nodes_have_the_colours_of_their_states_and_lead_to_their_steps(
    api: Any, visits: Any
) -> None:
    flows = Flows("acme")
    run = run_flow(api("acme"), elsewhere(lambda: asking(flows)), {"n": 1})
    page = visits.signed_in("owner")
    page.goto(f"/admin/agents/run/{run['id']}/change/")
    node = page.locator('.wf-node[data-node="twice"]')
    expect(node).to_have_class("wf-node wf-kind-transform wf-state-completed")
    person = page.locator('.wf-node[data-node="sum_up"]')
    expect(person).to_have_class("wf-node wf-kind-human wf-state-waiting")
    expect(page.locator('.wf-node[data-node="after"]')).to_have_class(
        "wf-node wf-kind-transform wf-state-open"
    )
    page.get_by_role("button", name="Larger").click()
    width = "document.querySelector('svg.wf-graph').getBoundingClientRect().width"
    before = page.evaluate(width)
    node.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.cx-step[open]")).to_contain_text("twice")
    approver = api("acme", "approver")
    [asked] = waiting(approver, run["id"])
    answer = approver.post(
        f"/approvals/{asked['id']}/decision",
        json={"decision": "respond", "response": {"amount": 2}},
    )
    assert answer.status_code == 200, answer.text
    expect(person).to_have_class("wf-node wf-kind-human wf-state-completed")
    assert page.evaluate(width) == pytest.approx(before, rel=0.02)
    expect(page.locator("details.cx-step[open]")).to_contain_text("twice")
