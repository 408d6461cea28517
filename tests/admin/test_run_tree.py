"""A team's run in the console: who works on what for whom, drawn as it goes and told in rows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.approvals.beside_a_browser import elsewhere
from tests.approvals.making import decide, waiting
from tests.models_llm.openai_server import OpenAIServer, Reply
from tests.support.client import Api
from tests.support.models import serving
from tests.support.server import Server
from tests.teams.failing import model_of
from tests.teams.making import NOTES, SUMS, Crew, ended, run_team
from tests.web.browsing import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]
RUNS = "/admin/agents/run/"


def node(page: Page, name: str) -> Any:
    return page.locator(".wf-node").filter(has_text=name)


def test_the_tree_is_drawn_follows_the_run_and_leads_to_what_waits(
    visits: Any, server: Server
) -> None:
    tenant = "acme"
    crew = Crew(tenant)

    def begin() -> tuple[str, str]:
        grants = {"create_note": {"tier": "admin"}}
        scribe = crew.agent("scribe", NOTES, "create_note", grants=grants)
        counter = crew.agent("counter", SUMS, "calculator")
        office = crew.team("office", "coordinate", scribe, description=NOTES)
        slug = crew.team("house", "broadcast", office, counter)
        member = Api.signed_in(server, tenant, "member")
        text = f"Create a note saying {crew.mark}. Calculate 17*23."
        run = run_team(member, slug, text)
        assert run["status"] == "paused", run
        [asked] = waiting(Api.signed_in(server, tenant, "approver"), run["id"])
        return run["id"], asked["id"]

    run_id, asked = elsewhere(begin)
    page = visits.signed_in("owner", tenant)
    page.goto(f"{RUNS}{run_id}/change/")
    expect(page.get_by_role("group", name="Delegations: 4 runs")).to_be_visible()
    expect(node(page, "house")).to_have_class(re.compile("wf-state-waiting"))
    expect(node(page, "scribe")).to_have_class(re.compile("wf-kind-agent wf-state-waiting"))
    expect(node(page, "counter")).to_have_class(re.compile("wf-state-completed"))
    expect(page.get_by_text("3: 2 waiting · 1 completed")).to_be_visible()

    # From the keyboard: right to a member, and Enter tells more of it.
    node(page, "house").focus()
    page.keyboard.press("ArrowRight")
    assert "wf-node" in page.evaluate("document.activeElement.className.baseVal")
    node(page, "counter").focus()
    page.keyboard.press("Enter")
    row = page.locator(".cx-tree-run[open]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("391")
    expect(row.locator("dl")).to_contain_text("Tokens")
    node(page, "scribe").click()
    link = page.get_by_role("link", name="Decide on create_note")
    expect(link).to_have_attribute("href", re.compile(asked))

    def approve() -> None:
        approver = Api.signed_in(server, tenant, "approver")
        assert decide(approver, asked, "approve").status_code == 200
        assert ended(approver, run_id)["status"] == "completed"

    elsewhere(approve)
    # Nobody loads the page anew: it follows, and what was open stays open.
    expect(node(page, "scribe")).to_have_class(re.compile("wf-state-completed"))
    expect(node(page, "house")).to_have_class(re.compile("wf-state-completed"))
    expect(page.locator(".cx-tree-run[open]")).to_have_count(2)
    expect(page.get_by_role("link", name="Decide on create_note")).to_have_count(0)


def test_two_hundred_runs_are_a_drawing_of_few_boxes_and_a_row_for_each(
    visits: Any, server: Server
) -> None:
    crew = Crew("globex")

    def begin() -> str:
        counter = crew.agent("counter", SUMS, "calculator")
        tasks = [{"member": counter, "task": f"Calculate {n}*3."} for n in range(1, 201)]
        leader = OpenAIServer()
        leader.script(Reply((), [("delegate_task", json.dumps(task)) for task in tasks], piece=90))
        with serving(leader), model_of(crew, leader, patience=30) as model:
            slug = crew.team("many", "coordinate", counter, at_once=50, model=model)
            client = Api.signed_in(server, "globex", "member")
            body = {"input": "Multiply by three.", "background": True}
            begun = client.post(f"/teams/{slug}/runs", json=body)
            assert begun.status_code == 202, begun.text
            done = ended(client, begun.json()["id"], seconds=180)
        assert done["status"] == "completed", done
        return str(done["id"])

    run_id = elsewhere(begin)
    page = visits.signed_in("owner", "globex", **PHONE)
    page.goto(f"{RUNS}{run_id}/change/")
    expect(page.get_by_role("group", name="Delegations: 201 runs")).to_be_visible()
    expect(page.locator(".wf-node")).to_have_count(2)
    expect(node(page, "counter x 200")).to_be_visible()
    expect(page.locator(".cx-tree > li")).to_have_count(200)
    row = page.locator(".cx-tree-run").nth(16)
    expect(row.locator("summary")).to_contain_text("Calculate 17*3")
    row.locator("summary").click()
    expect(row).to_contain_text("51")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
