"""A decision that may not be: nothing changes, and the log of whoever tried has it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.approvals.making import Careful, decide, ended, waiting
from tests.approvals.test_long_waits import let_pass

NAMES = ("member", "approver", "auditor")
pytestmark = pytest.mark.usefixtures("committed")


def refusals(api: Any, tenant: str, action: str, **filters: str) -> list[Any]:
    """The tenant's entries of what was refused, in order, as its auditor reads them."""
    params = {"action": action, "result": "refused", **filters}
    answer = api(tenant, "auditor").get("/audit", params=params)
    assert answer.status_code == 200, answer.text
    return list(reversed(answer.json()["items"]))


def tried(api: Any, tenant: str, approval_id: str) -> list[tuple[str, str, str]]:
    """Who tried to decide, what they chose and why not."""
    rows = refusals(api, tenant, "approval.decide_refused", target_id=approval_id)
    return [
        (row["actor"]["name"], row["detail"]["decision"], row["detail"]["code"]) for row in rows
    ]


def code(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


@pytest.mark.parametrize(("tenant", "other"), [("acme", "globex"), ("globex", "acme")])
def test_each_refused_decision_changes_nothing_and_is_on_record(
    api: Any, tenant: str, other: str
) -> None:
    agent = Careful(tenant, {"create_note": {"tier": "admin"}}).make()
    member, approver = api(tenant, "member"), api(tenant, "approver")
    run = member.run(f"Create a note saying {agent.slug}", slug=agent.slug)
    [asked] = waiting(approver, run["id"])

    elsewhere = decide(api(other, "approver"), asked["id"], "approve")
    own = decide(member, asked["id"], "approve")
    role = decide(api(tenant, "auditor"), asked["id"], "reject")
    wrong = decide(approver, asked["id"], "approve", arguments={"text": 5})
    assert [a.status_code for a in (elsewhere, own, role, wrong)] == [404, 403, 403, 422]
    assert [error["loc"] for error in wrong.json()["errors"]] == [["arguments", "text"]]
    assert waiting(approver, run["id"]) == [asked]
    assert member.get(f"/runs/{run['id']}").json()["status"] == "paused"

    let_pass(agent, run["id"])
    late = decide(approver, asked["id"], "approve")
    assert late.status_code == 409
    assert ended(member, run["id"])["status"] == "completed"
    assert agent.notes(agent.slug) == []

    name = {who: api(tenant, who).get("/me").json()["name"] for who in NAMES}
    theirs = api(other, "approver").get("/me").json()["name"]
    assert tried(api, other, asked["id"]) == [(theirs, "approve", code(elsewhere))]
    assert tried(api, tenant, asked["id"]) == [
        (name["member"], "approve", code(own)),
        (name["approver"], "approve", code(wrong)),
        (name["approver"], "approve", code(late)),
    ]
    # Whoever has no scope to decide anything is stopped at the door.
    [door] = [
        row
        for row in refusals(api, tenant, "access.refused")
        if asked["id"] in row["target"]["name"]
    ]
    assert door["actor"]["name"] == name["auditor"] and code(role) == "scope_missing"
    assert door["detail"] == {"scope": "approvals:answer"}
