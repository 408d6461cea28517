"""The approval queue over HTTP: who sees it, what it shows, and what is decided there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.console import Console, words
from tests.approvals.making import Careful, ended, waiting

pytestmark = pytest.mark.usefixtures("committed")
Consoles = Callable[..., Console]
QUEUE = "/admin/approvals/approval/"
SIGN_OFF = {"create_note": {"tier": "admin"}}


def asked(api: Any, agent: Careful, text: str) -> dict[str, Any]:
    """A run that waits for a sign-off of a note with this text; its approval."""
    run = api(agent.tenant, "member").run(f"Create a note saying {text}", slug=agent.slug)
    assert run["status"] == "paused"
    return waiting(api(agent.tenant, "approver"), run["id"])[0]


def page_of(approval: dict[str, Any]) -> str:
    return f"{QUEUE}{approval['id']}/change/"


def decide(console: Console, approval: dict[str, Any], **fields: str) -> Any:
    console.get(page_of(approval))
    return console.post(f"{QUEUE}{approval['id']}/decide/", fields)


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_the_queue_shows_what_waits_in_its_own_tenant(
    console: Consoles, api: Any, tenant: str
) -> None:
    agent = Careful(tenant, SIGN_OFF).make()
    approval = asked(api, agent, f"pay {agent.slug}")
    page = console(tenant, "approver").page(f"{QUEUE}?component={agent.slug}")
    assert "Create note" in page and f"pay {agent.slug}" in page and "yours to decide" in page
    assert "Admin sign-off" in page and "left" in page
    other = console("globex" if tenant == "acme" else "acme", "approver")
    assert agent.slug not in other.page(QUEUE)
    assert other.get(page_of(approval)).status_code in (302, 404)
    assert decide(other, approval, decision="approve").status_code == 404
    assert api(tenant, "approver").get(f"/approvals/{approval['id']}").json()["status"] == "waiting"


def test_the_page_tells_the_story_the_arguments_and_who_decides(
    console: Consoles, api: Any
) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin", "quorum": 2}}).make()
    before = api("acme", "member").run("What is 6*7?", slug=agent.slug)
    text = f"Create a note saying pay {agent.slug}"
    run = api("acme", "member").run(text, slug=agent.slug, session_id=before["session_id"])
    [approval] = waiting(api("acme", "approver"), run["id"])
    page = console("acme", "approver").page(page_of(approval))
    assert text in page and "What is 6*7?" in page and "42" in page
    assert "2 have to agree" in page and "Nobody has decided yet" in page
    assert "Not Member" in page or "their own request" in page
    assert run["trace_id"] in page and "Writes" in page
    assert "Waiting for a person" in page
    assert "Approve…" in page and "Edit…" in page and "Reject…" in page


def test_one_approves_and_the_run_goes_on(console: Consoles, api: Any) -> None:
    agent = Careful("acme", SIGN_OFF).make()
    approval = asked(api, agent, agent.slug)
    approver = console("acme", "approver")
    told = approver.told(decide(approver, approval, decision="approve", reason="fine"))
    assert "Approved: Create note." in told
    assert ended(api("acme", "member"), approval["run_id"])["status"] == "completed"
    assert len(agent.notes(agent.slug)) == 1
    page = approver.page(page_of(approval))
    assert "Approved" in page and "fine" in page and "Approve…" not in page
    # Somebody who comes second is told so, and nothing is done twice.
    late = decide(approver, approval, decision="approve")
    assert late.status_code == 409
    assert re.search(r'role="alert">[^<]*(decided before|has ended)', late.text)
    assert len(agent.notes(agent.slug)) == 1


def test_edited_arguments_are_checked_beside_their_fields(console: Consoles, api: Any) -> None:
    agent = Careful("globex", SIGN_OFF).make()
    approval = asked(api, agent, agent.slug)
    approver = console("globex", "approver")
    wrong = decide(approver, approval, decision="edit", **{"field-text": "x" * 5000})
    assert wrong.status_code == 422
    assert re.search(r'id="field-text-error"[^>]*>[^<]*4000', wrong.text)
    assert "x" * 5000 in wrong.text  # what was written isn't lost
    text = f"{agent.slug} in other words"
    answer = decide(approver, approval, decision="edit", **{"field-text": text})
    assert "Approved with your changes" in approver.told(answer)
    ended(api("globex", "member"), approval["run_id"])
    assert agent.notes(agent.slug) == [text]
    assert "Approved with these instead" in approver.page(page_of(approval))


def test_a_rejection_reaches_the_agent_with_its_reason(console: Consoles, api: Any) -> None:
    agent = Careful("acme", SIGN_OFF).make()
    approval = asked(api, agent, agent.slug)
    approver = console("acme", "approver")
    decide(approver, approval, decision="reject", reason="not in May")
    run = ended(api("acme", "member"), approval["run_id"])
    assert run["status"] == "completed"
    assert agent.notes(agent.slug) == []
    assert "not in May" in approver.page(page_of(approval))


def test_several_are_decided_together_after_a_page_that_lists_them(
    console: Consoles, api: Any
) -> None:
    agent = Careful("acme", SIGN_OFF).make()
    several = [asked(api, agent, f"{agent.slug} number {n}") for n in range(3)]
    approver = console("acme", "approver")
    ids = [approval["id"] for approval in several]
    url = f"{QUEUE}?component={agent.slug}"
    approver.get(url)
    question = approver.post(url, {"action": "approve_selected", "_selected_action": ids[:2]})
    told = words(question.text)
    assert "Approve 2 calls?" in told
    assert f"{agent.slug} number 0" in told and f"{agent.slug} number 1" in told
    assert f"{agent.slug} number 2" not in told
    assert agent.notes(agent.slug) == []  # so far only asked
    # One of them is decided by somebody else in between.
    assert (
        api("acme", "owner")
        .post(f"/approvals/{ids[0]}/decision", json={"decision": "reject"})
        .is_success
    )
    done = {"action": "approve_selected", "confirmed": "yes", "_selected_action": ids[:2]}
    assert "1 approved." in approver.told(approver.post(url, done))
    ended(api("acme", "member"), several[1]["run_id"])
    assert agent.notes(agent.slug) == [f"{agent.slug} number 1"]
    again = {"action": "reject_selected", "confirmed": "yes", "_selected_action": ids[2:]}
    assert "1 rejected." in approver.told(approver.post(url, {**again, "reason": "enough"}))
    ended(api("acme", "member"), several[2]["run_id"])
    assert len(agent.notes(agent.slug)) == 1


def test_what_is_not_ones_own_to_decide_is_left_out_and_says_why(
    console: Consoles, api: Any
) -> None:
    agent = Careful("acme", {"create_note": {"tier": "admin", "decider_roles": ["owner"]}}).make()
    approval = asked(api, agent, agent.slug)
    approver = console("acme", "approver")
    page = approver.page(page_of(approval))
    assert "for the role owner" in page and "Approve…" not in page
    refused = decide(approver, approval, decision="approve")
    assert refused.status_code == 403 and "for the role owner" in words(refused.text)
    url = f"{QUEUE}?component={agent.slug}"
    approver.get(url)
    data = {"action": "approve_selected", "_selected_action": [approval["id"]]}
    assert "None of the selected is yours to decide" in approver.told(approver.post(url, data))
    assert approval["id"] not in approver.get(f"{QUEUE}?show=mine").text
    assert approval["id"] in console("acme", "owner").get(f"{QUEUE}?show=mine").text
    assert "Rejected" in console("acme", "owner").told(
        decide(console("acme", "owner"), approval, decision="reject")
    )


def test_the_auditor_sees_all_and_changes_nothing(console: Consoles, api: Any) -> None:
    agent = Careful("acme", SIGN_OFF).make()
    approval = asked(api, agent, agent.slug)
    auditor = console("acme", "auditor")
    assert approval["id"] in auditor.get(QUEUE).text
    page = auditor.page(page_of(approval))
    assert agent.slug in page and "Approve…" not in page and "Reject…" not in page
    assert decide(auditor, approval, decision="approve").status_code == 403
    url = f"{QUEUE}?component={agent.slug}"
    data = {"action": "approve_selected", "confirmed": "yes", "_selected_action": approval["id"]}
    auditor.post(url, data)
    assert auditor.get(f"{QUEUE}count/").status_code == 403
    assert len(waiting(api("acme", "approver"), approval["run_id"])) == 1
    decide(console("acme", "approver"), approval, decision="reject")


@pytest.mark.parametrize("role", ["builder", "operator"])
def test_whoever_may_not_decide_does_not_see_the_queue(console: Consoles, role: str) -> None:
    browser = console("acme", role)
    assert browser.get(QUEUE).status_code == 403
    assert QUEUE not in browser.get("/admin/").text


def test_what_a_member_answers_themselves_is_shown_but_not_decided_here(
    console: Consoles, api: Any
) -> None:
    agent = Careful("acme", {"create_note": {"tier": "user"}}).make()
    run = api("acme", "member").run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [approval] = waiting(api("acme", "approver"), run["id"])
    approver = console("acme", "approver")
    assert "confirms it, in the app" in approver.page(page_of(approval))
    assert decide(approver, approval, decision="approve").status_code == 403
    assert agent.notes(agent.slug) == []
    api("acme", "member").post(f"/approvals/{approval['id']}/decision", json={"decision": "reject"})


def test_the_menu_counts_what_waits_for_whoever_looks(console: Consoles, api: Any) -> None:
    agent = Careful("globex", SIGN_OFF).make()
    approver = console("globex", "approver")
    before = approver.get(f"{QUEUE}count/").json()["waiting"]
    approval = asked(api, agent, agent.slug)
    assert approver.get(f"{QUEUE}count/").json()["waiting"] == before + 1
    assert f'data-waiting="{QUEUE}count/"' in approver.get("/admin/").text
    decide(approver, approval, decision="reject")
    assert approver.get(f"{QUEUE}count/").json()["waiting"] == before


def test_filters_and_what_no_longer_waits(console: Consoles, api: Any) -> None:
    agent = Careful("acme", SIGN_OFF).make()
    approval = asked(api, agent, agent.slug)
    approver = console("acme", "approver")
    mine = f"component={agent.slug}"
    assert agent.slug in approver.page(f"{QUEUE}?{mine}&tier=admin&kind=confirm&tool=create_note")
    for other in ("tier=user", "kind=input", "tool=calculator", "show=closed", "member=owner"):
        assert "Nothing fits" in approver.page(f"{QUEUE}?{mine}&{other}")
    decide(approver, approval, decision="reject", reason="no")
    assert "Nothing fits" in approver.page(f"{QUEUE}?{mine}")
    assert "Rejected" in approver.page(f"{QUEUE}?{mine}&show=closed")
    assert "Nothing fits" in approver.page(f"{QUEUE}?{mine}&show=approved")
