"""A team that plans: a typed plan, steps that begin when they can, a verifier, and who reviews."""

from __future__ import annotations

from typing import Any

import pytest

from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, run_team, steps, tree

pytestmark = pytest.mark.usefixtures("committed")
TENANTS = ("acme", "globex")
TOTAL = {
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
NEVER = {"check": 'input == ""', "why": "Nothing is ever right."}


def counter_and_scribe(crew: Crew, **scribe: Any) -> tuple[str, str]:
    counter = crew.agent("counter", SUMS, "calculator")
    return counter, crew.agent("scribe", NOTES, "create_note", **scribe)


def by_key(client: Api, run_id: str) -> dict[str, dict[str, Any]]:
    return {step["key"]: step for step in steps(client, run_id)}


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_plan_is_carried_out_in_its_order_by_typed_messages(api: Any, tenant: str) -> None:
    crew = Crew(tenant)
    counter, scribe = counter_and_scribe(crew)
    slug = crew.team("desk", "plan", scribe, counter, contracts={counter: {"output_schema": TOTAL}})
    client = api(tenant)
    run = run_team(client, slug, f"Calculate 17*23. Then create a note saying {crew.mark}.")
    assert run["status"] == "completed", run
    assert "391" in run["output"] and crew.notes() == [crew.mark]
    journal = by_key(client, run["id"])
    assert [step["kind"] for step in journal.values()] == [
        "model",
        "plan",
        "delegation",
        "delegation",
        "verify",
        "model",
    ]
    planned = journal["plan:0"]["output"]["steps"]
    assert [(one["id"], one["assignee"]) for one in planned] == [("s1", counter), ("s2", scribe)]
    assert planned[1]["depends_on"] == ["s1"]
    first, second = journal["step:s1:0:0"], journal["step:s2:0:0"]
    assert first["finished_at"] <= second["started_at"]
    handed, result = first["input"]["message"], first["output"]["message"]
    assert handed["trace_id"] == result["trace_id"] == run["trace_id"]
    assert handed["session_id"] == run["session_id"]
    assert (handed["from"], handed["to"], handed["intent"]) == ("planner", counter, "task")
    assert (result["from"], result["to"], result["intent"]) == (counter, "s2", "result")
    assert (result["payload"], result["confidence"]) == ({"total": 391}, 0.9)
    assert second["input"]["message"]["payload"]["inputs"] == {"before": {"total": 391}}
    assert journal["verify:0"]["output"]["verdict"] == "pass"


def test_steps_that_wait_for_nothing_begin_at_once(api: Any) -> None:
    crew = Crew("acme")
    counter, scribe = counter_and_scribe(crew)
    slug = crew.team("desk", "plan", scribe, counter)
    body = {"input": f"Calculate 17*23. Create a note saying {crew.mark}.", "stream": True}
    with api("acme").stream("POST", f"/teams/{slug}/runs", json=body) as events:
        told = list(events)
    kinds = [event["type"] for event in told if event["type"].startswith("delegate.")]
    assert kinds == ["delegate.started"] * 2 + ["delegate.completed"] * 2
    assert told[-1]["type"] == "run.completed"
    # What the planner and the verifier say among themselves is no message of the run.
    own = [event for event in told if event["run_id"] == told[0]["run_id"]]
    assert [event["type"] for event in own].count("message.completed") == 1


def test_what_a_rule_sends_back_is_done_again_by_who_is_told_why(api: Any) -> None:
    crew = Crew("globex")
    counter, scribe = counter_and_scribe(crew)
    why = f"Create a note saying urgent {crew.mark}."
    rule = {"check": f'members["{scribe}"].contains("urgent")', "why": why, "member": scribe}
    slug = crew.team("desk", "plan", scribe, counter, rules=[rule])
    client = api("globex")
    run = run_team(client, slug, f"Calculate 17*23. Create a note saying {crew.mark}.")
    assert run["status"] == "completed", run
    journal = by_key(client, run["id"])
    first, second = journal["verify:0"]["output"], journal["verify:1"]["output"]
    assert (first["verdict"], first["reasons"], first["steps"]) == ("send_back", [why], ["s2"])
    assert second["verdict"] == "pass"
    sent = journal["step:s2:1:0"]["input"]["message"]["payload"]
    assert sent["sent_back"] == [why]
    assert "step:s1:1:0" not in journal  # what was right is not done again
    assert sorted(crew.notes()) == [crew.mark, crew.mark, f"urgent {crew.mark}"]


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("edited", [True, False])
def test_what_never_passes_is_a_persons_to_review_whose_decision_ends_it(
    api: Any, tenant: str, edited: bool
) -> None:
    crew = Crew(tenant)
    counter, scribe = counter_and_scribe(crew)
    slug = crew.team("desk", "plan", scribe, counter, rules=[NEVER], rounds=1)
    member, approver = api(tenant), api(tenant, "approver")
    run = run_team(member, slug, "Calculate 17*23.")
    assert (run["status"], run["finished_at"]) == ("needs_review", None)
    listed = member.get("/runs", params={"status": "needs_review"}).json()["items"]
    assert run["id"] in {one["id"] for one in listed}
    listed = member.get("/runs", params={"status": "paused"}).json()["items"]
    assert run["id"] not in {one["id"] for one in listed}
    [asked] = waiting(approver, run["id"])
    assert (asked["tool"], asked["why"]) == ("review_result", "Nothing is ever right.")
    assert "391" in asked["arguments"]["answer"]
    assert decide(member, asked["id"], "approve").status_code == 403
    wrong = decide(approver, asked["id"], "approve", arguments={"answer": 7})
    assert wrong.status_code == 422 and "string" in wrong.json()["detail"]
    if edited:
        said = decide(approver, asked["id"], "approve", arguments={"answer": "It is 391."})
    else:
        said = decide(approver, asked["id"], "reject", reason="Do it by hand.")
    assert said.status_code == 200, said.text
    done = ended(member, run["id"])
    if edited:
        assert (done["status"], done["output"]) == ("completed", "It is 391.")
    else:
        assert (done["status"], done["error"]["code"]) == ("failed", "review_rejected")
        assert "Do it by hand." in done["error"]["message"]


def test_a_review_deep_in_a_tree_ends_what_it_is_about_and_the_rest_goes_on(api: Any) -> None:
    crew = Crew("acme")
    counter, scribe = counter_and_scribe(crew, grants={"create_note": {"tier": "admin"}})
    rule = {**NEVER, "escalate": True}
    desk = crew.team("desk", "plan", counter, rules=[rule], description=SUMS)
    slug = crew.team("house", "broadcast", desk, scribe)
    member, approver = api("acme"), api("acme", "approver")
    run = run_team(member, slug, f"Calculate 17*23. Create a note saying {crew.mark}.")
    assert run["status"] == "needs_review"
    asked = {one["tool"]: one for one in waiting(approver, run["id"], 2)}
    assert decide(approver, asked["review_result"]["id"], "approve").status_code == 200
    child = asked["review_result"]["run_id"]
    assert "391" in ended(member, child)["output"]
    assert decide(approver, asked["create_note"]["id"], "approve").status_code == 200
    done = ended(member, run["id"])
    assert done["status"] == "completed" and "391" in done["output"]
    assert crew.notes() == [crew.mark]


def test_an_answer_that_breaks_its_contract_is_sent_back_and_then_another_does_it(
    api: Any,
) -> None:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    spare = crew.agent("spare", SUMS, "calculator")
    large = {**TOTAL, "properties": {"total": {"type": "integer", "minimum": 1000}}}
    slug = crew.team(
        "desk",
        "plan",
        counter,
        spare,
        rejections=1,
        contracts={counter: {"output_schema": large}, spare: {"output_schema": TOTAL}},
    )
    client = api("acme")
    run = run_team(client, slug, "Calculate 17*23.")
    assert run["status"] == "completed", run
    journal = by_key(client, run["id"])
    broken = [journal["step:s1:0:0"], journal["step:s1:0:1"]]
    for step in broken:
        assert step["error"]["code"] == "contract_broken"
        assert step["error"]["breaches"] == [
            "$.payload.total: 391 is less than the minimum of 1000"
        ]
    assert broken[1]["input"]["message"]["payload"]["sent_back"] == broken[0]["error"]["breaches"]
    assert journal["step:s1:0:fallback:0"]["output"]["message"]["payload"] == {"total": 391}


def test_a_planner_that_breaks_the_plans_contract_is_told_so_as_often_as_allowed(
    api: Any,
) -> None:
    crew = Crew("globex")
    counter, scribe = counter_and_scribe(crew)
    slug = crew.team("desk", "plan", scribe, counter, most_steps=1, rejections=1)
    client = api("globex")
    run = run_team(client, slug, f"Calculate 17*23. Create a note saying {crew.mark}.")
    assert (run["status"], run["error"]["code"]) == ("failed", "plan_broken")
    journal = by_key(client, run["id"])
    assert [journal[f"plan:{at}"]["error"]["code"] for at in range(2)] == ["plan_broken"] * 2
    assert "plan:2" not in journal and crew.notes() == []


def test_a_verifying_model_says_what_its_instructions_have_it_say(api: Any) -> None:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    passing = crew.team("good", "plan", counter, verifier="The results must name “391”.")
    failing = crew.team("bad", "plan", counter, verifier="They must name “400”.", rounds=1)
    client = api("acme")
    run = run_team(client, passing, "Calculate 17*23.")
    assert run["status"] == "completed"
    said = by_key(client, run["id"])["verify:0"]["output"]
    assert (said["verdict"], said["by"]) == ("pass", "model")
    run = run_team(client, failing, "Calculate 17*23.")
    assert run["status"] == "needs_review"
    verdicts = by_key(client, run["id"])
    assert verdicts["verify:0"]["output"]["verdict"] == "send_back"
    assert verdicts["verify:1"]["output"]["reasons"] == ["“400” is not in the results."]
    assert client.post(f"/runs/{run['id']}/cancel").status_code == 200
    assert ended(client, run["id"])["status"] == "cancelled"


def test_what_a_team_lets_a_member_use_holds_besides_its_own_limits(api: Any) -> None:
    crew = Crew("acme")
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("desk", "coordinate", counter, contracts={counter: {"max_tokens": 1}})
    client = api("acme")
    run = run_team(client, slug, "Calculate 17*23.")
    [child] = tree(client, run["id"])["children"]
    assert (child["status"], child["error"]["code"]) == ("failed", "limit_tokens")
    assert "its team allows it" in child["error"]["message"]
    assert len(flat(tree(client, run["id"]))) == 2
