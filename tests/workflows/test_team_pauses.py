"""A team inside a team inside a workflow: two of its members ask at once, decided in any order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.support.waiting import until
from tests.teams.making import NOTES
from tests.workflows.making import Flows, ended, flat, run_flow, statuses, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
ADMIN = {"create_note": {"tier": "admin"}}


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("edited_first", [True, False])
def test_two_members_of_a_nested_team_wait_at_once_and_one_is_edited_and_one_rejected(
    api: Any, tenant: str, edited_first: bool
) -> None:
    flows = Flows(tenant)
    one = flows.agent("one", NOTES, "create_note", grants=ADMIN)
    two = flows.agent("two", NOTES, "create_note", grants=ADMIN)
    pair = flows.team("pair", "broadcast", one, two, description=NOTES)
    office = flows.team("office", "broadcast", pair)
    slug = flows.flow(
        "desk",
        {
            "id": "text",
            "kind": "transform",
            "args": {"of": "input"},
            "set": {"of": '"draft " + args.of'},
        },
        {
            "id": "team",
            "kind": "team",
            "team": office,
            "args": {"of": "text.of"},
            "task": "Create a note saying {{ args.of }}",
        },
        {"id": "beside", "kind": "transform", "set": {"n": "1"}},
        {"id": "read", "kind": "transform", "args": {"t": "team.text"}, "set": {"t": "args.t"}},
        result={"said": "read.t", "n": "beside.n"},
    )
    member, approver = api(tenant), api(tenant, "approver")
    run = run_flow(member, slug, flows.mark)
    assert run["status"] == "paused", run
    assert statuses(member, run["id"]) == {
        "text": "completed",
        "team": "started",
        "beside": "completed",
    }
    asked = {one["component"]["slug"]: one for one in waiting(approver, run["id"], 2)}
    assert {one["root_run_id"] for one in asked.values()} == {run["id"]}
    assert {one["arguments"]["text"] for one in asked.values()} == {f"draft {flows.mark}"}

    def edit() -> Any:
        arguments = {"text": f"edited {flows.mark}"}
        return decide(approver, asked[one]["id"], "approve", arguments=arguments)

    def reject() -> Any:
        return decide(approver, asked[two]["id"], "reject", reason="No second note.")

    first, second = (edit, reject) if edited_first else (reject, edit)
    answer = first()
    assert answer.status_code == 200, answer.text
    child = asked[one if edited_first else two]["run_id"]
    assert ended(member, child)["status"] == "completed"
    until(lambda: member.get(f"/runs/{run['id']}").json()["status"], lambda now: now == "paused")
    assert "read" not in statuses(member, run["id"])
    assert second().status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed", done
    assert flows.notes() == [f"edited {flows.mark}"]
    assert "No second note." in done["output"]["said"] and done["output"]["n"] == 1
    runs = flat(tree(member, run["id"]))
    assert [below["depth"] for below in runs] == [0, 1, 2, 3, 3]
    for below in runs:
        assert below["status"] == "completed"
        journal = steps(member, below["id"])
        assert {step["status"] for step in journal} <= {"finished", "failed"}
        assert len({step["key"] for step in journal}) == len(journal)
