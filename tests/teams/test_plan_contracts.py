"""Plans, rules and answers as types: what breaks a contract is told with its place."""

from __future__ import annotations

from typing import Any

import pytest

from agents.runtime.messages import read_answer, task_text
from agents.runtime.plans import Plan, read_plan
from agents.specs import MemberSpec, PlanSpec, TeamSpec
from agents.team_rules import Results, holds, issues
from approvals.conditions import ConditionFailed

TOTAL = {
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
COUNTER = MemberSpec(slug="counter", name="Counter", output_schema=TOTAL)
SCRIBE = MemberSpec(slug="scribe", name="Scribe", input_schema=TEXT)
TEAM = TeamSpec(
    slug="crew", name="Crew", mode="plan", members=(COUNTER, SCRIBE), plan=PlanSpec(most_steps=3)
)


def step(id: str, assignee: str = "counter", **fields: Any) -> dict[str, Any]:
    return {"id": id, "assignee": assignee, "goal": "Do it.", **fields}


def told(*steps: dict[str, Any]) -> str:
    found = read_plan(TEAM, {"steps": list(steps)})
    return "" if isinstance(found, Plan) else "\n".join(found)


def test_a_plan_keeps_its_contract_or_is_told_where_not() -> None:
    note = {"text": "milk"}
    assert told(step("a"), step("b", "scribe", inputs=note, depends_on=["a"])) == ""
    assert "there is no member 'nobody'. Members: counter, scribe" in told(step("a", "nobody"))
    assert "b.fallback: there is no member 'x'" in told(step("b", fallback="x"))
    assert told(step("a", depends_on=["b"])) == "a: there is no step 'b' to wait for"
    assert told(step("a"), step("a")) == "a: another step has this id"
    assert "at most 3 are allowed" in told(*(step(f"s{n}") for n in range(4)))
    assert told(step("b", "scribe")) == "b.inputs: scribe needs text"
    wrong = told(step("b", "scribe", inputs={"text": 7}))
    assert wrong == "b.inputs.text: 7 is not of type 'string'"
    assert "steps.0.id" in told(step("Not an id"))
    assert "steps.0.does" in told(step("a", does="harm"))
    assert "steps" in told()


def test_steps_that_wait_for_one_another_are_named() -> None:
    found = told(
        step("a", depends_on=["c"]), step("b", depends_on=["a"]), step("c", depends_on=["b"])
    )
    assert found == "steps: they wait for one another: a → c → b → a"
    assert told(step("a", depends_on=["a"])).endswith("a → a")


def test_what_is_taken_from_another_step_has_to_be_there_and_to_fit() -> None:
    def taken(source: str) -> str:
        return told(step("a"), step("b", "scribe", inputs={"text": {"from": source}}))

    assert taken("a.total") == "b.inputs.text: counter gives integer, and string is wanted"
    assert taken("a.sum") == "b.inputs.text: counter gives no sum"
    assert taken("c") == "b: there is no step 'c' to wait for"
    words = told(
        step("a", "scribe", inputs={"text": "x"}), step("b", inputs={"n": {"from": "a.x"}})
    )
    assert words == "b.inputs.n: scribe answers in words and has no x"


def test_a_plan_knows_what_builds_on_a_step_and_what_is_last() -> None:
    given = [
        step("a"),
        step("b", "scribe", inputs={"text": {"from": "c"}}),
        step("c", "scribe", inputs={"text": "x"}, depends_on=["a"]),
    ]
    plan = read_plan(TEAM, {"steps": given})
    assert isinstance(plan, Plan)
    assert plan.after({"a"}) == {"a", "b", "c"} and plan.after({"b"}) == {"b"}
    assert plan.last == {"b"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"payload": {"total": 3}, "confidence": 0.5}', ""),
        ('```json\n{"payload": {"total": 3}}\n```', ""),
        ('{"payload": {"total": "3"}}', "$.payload.total: '3' is not of type 'integer'"),
        ('{"total": 3}', "$: expected an object with payload and confidence"),
        ('{"payload": {"total": 3}, "note": 1}', "$: there is nothing but payload and confidence"),
        ('{"payload": {"total": 3}, "confidence": 7}', "$.confidence: expected a number"),
        ("It is 3.", "It is no JSON"),
    ],
)
def test_an_answer_is_read_by_its_contract(text: str, wrong: str) -> None:
    payload, _, found = read_answer(text, COUNTER)
    assert (payload == {"total": 3}) == (not wrong)
    assert (found[0] if found else "").startswith(wrong)
    assert read_answer(text, SCRIBE) == (text, None, [])


def test_a_task_says_what_is_given_and_why_it_came_back() -> None:
    text = task_text("Count.", {"items": [1, 2], "of": "eggs"}, COUNTER, ("Too few.",))
    assert "- items: [1, 2]\n- of: eggs" in text and "sent back:\n- Too few." in text
    assert text.endswith('"additionalProperties": false}')


def test_rules_are_checked_when_written_and_decided_when_asked() -> None:
    assert issues('members["counter"].total > 3 && size(failed) == 0') == []
    assert "is not known. Known are input" in str(issues("result.a > 1")[0])
    assert "gives true or false" in str(issues("size(failed)")[0])
    assert str(issues("size(failed) == ")[0]).startswith("column")
    about = Results("hello", {"a": {"total": 4}}, {"counter": {"total": 4}}, [])
    assert holds('members["counter"].total > 3', about)
    assert not holds('input == "bye"', about)
    with pytest.raises(ConditionFailed, match="there is no scribe"):
        holds('members["scribe"].text != ""', about)


def test_specs_without_plans_keep_their_digests() -> None:
    plain = TeamSpec(slug="crew", name="Crew", members=(MemberSpec(slug="a", name="A"),))
    assert "plan" not in plain.model_dump() and "seconds" not in plain.model_dump()["members"][0]
    again = TeamSpec.model_validate(TEAM.model_dump(mode="json"))
    assert again == TEAM
    with pytest.raises(ValueError, match="where its mode is plan"):
        TeamSpec(slug="crew", name="Crew", members=plain.members, plan=PlanSpec())
