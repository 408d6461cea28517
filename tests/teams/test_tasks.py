"""A team with a task list: who is asked what after what, what its leader revises, its limits."""

from __future__ import annotations

from typing import Any

import pytest

from agents.runtime.task_board import LIST, Board
from agents.specs import MemberSpec, TaskSpec, TeamSpec
from tests.approvals.making import decide, waiting
from tests.support.client import Api
from tests.support.server import FAST_MODEL, Server
from tests.teams.making import NOTES, SUMS, Crew, ended, flat, run_team, steps, tree
from tests.teams.test_recovery import SLOW, stopped_at

pytestmark = pytest.mark.usefixtures("committed")
TEAM = TeamSpec(
    slug="crew",
    name="Crew",
    mode="tasks",
    members=(MemberSpec(slug="one", name="One"), MemberSpec(slug="two", name="Two")),
    tasks=TaskSpec(most=3),
)


def add(id: str, assignee: str = "one", **fields: Any) -> dict[str, Any]:
    return {"id": id, "assignee": assignee, "goal": "Do it.", **fields}


def test_the_list_takes_what_makes_sense_and_says_why_not() -> None:
    board = Board(TEAM)

    def said(name: str, **given: Any) -> str:
        text, wrong = board.apply(name, given)
        return text if wrong else ""

    assert said("add_task", **add("a")) == "" == said("add_task", **add("b", depends_on=["a"]))
    assert (
        said("add_task", **add("a")) == "There is a task 'a' already: change it with update_task."
    )
    assert "no member 'x'. Members: one, two" in said("add_task", **add("c", "x"))
    assert said("add_task", **add("c", depends_on=["z"])) == "There is no task 'z'. Tasks: a, b."
    assert said("update_task", id="a", depends_on=["b"]) == "a would wait for itself."
    assert said("update_task", id="z") == "There is no task 'z'. Tasks: a, b."
    assert said("add_task", id="Not an id", goal="x", assignee="one").startswith("id: ")
    assert "There is no tool 'drop'" in said("drop")
    assert said("add_task", **add("c")) == ""
    assert said("add_task", **add("d")) == "The list is full: at most 3 tasks."
    assert [task.id for task in board.ready()] == ["a", "c"]
    assert said("finish_task", id="a", result="done by hand") == ""
    assert [task.id for task in board.ready()] == ["b", "c"]
    assert said("update_task", id="a", assignee="two") == ""
    assert [(task.id, task.tries) for task in board.ready()] == [("a", 1), ("c", 0)]
    assert board.shown().startswith(f'{LIST}{{"id": "a", "assignee": "two", "status": "open"')


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_members_work_off_the_list_in_its_order_and_the_leader_answers(
    api: Any, tenant: str
) -> None:
    crew = Crew(tenant)
    counter = crew.agent("counter", SUMS, "calculator")
    scribe = crew.agent("scribe", NOTES, "create_note")
    slug = crew.team("crew", "tasks", scribe, counter)
    client = api(tenant)
    text = f"Calculate 17*23. Then create a note saying {crew.mark}. Calculate 6*7."
    run = run_team(client, slug, text)
    assert run["status"] == "completed", run
    assert "391" in run["output"] and "42" in run["output"]
    assert crew.notes() == [crew.mark]
    journal = {step["key"]: step for step in steps(client, run["id"])}
    kinds = [step["kind"] for step in journal.values()]
    assert kinds == ["model", *["delegation"] * 3, "model"]
    first, second, third = (journal[f"task:t{at}:0"] for at in (1, 2, 3))
    assert first["finished_at"] <= second["started_at"]
    assert third["started_at"] <= first["finished_at"]  # it waited for nobody
    assert "391" in second["input"]["task"]  # what came before is given to who needs it
    assert "391" not in third["input"]["task"]


def test_what_failed_is_given_to_another_as_the_leader_revises_its_list(api: Any) -> None:
    crew = Crew("acme")
    clumsy = crew.agent("clumsy", SUMS, "calculator", max_turns=1)
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("crew", "tasks", clumsy, counter)
    client = api("acme")
    run = run_team(client, slug, "Calculate 17*23.")
    assert run["status"] == "completed" and "391" in run["output"], run
    journal = {step["key"]: step for step in steps(client, run["id"])}
    assert journal["task:t1:0"]["error"]["code"] == "limit_turns"
    assert journal["task:t1:1"]["input"]["member"]["slug"] == counter
    assert [step["kind"] for step in journal.values()].count("model") == 3


def test_a_leader_that_revises_beyond_its_limit_is_stopped(api: Any) -> None:
    crew = Crew("globex")
    clumsy = crew.agent("clumsy", SUMS, "calculator", max_turns=1)
    slow = crew.agent("slow", SUMS, "calculator", max_turns=1)
    slug = crew.team("crew", "tasks", clumsy, slow, max_turns=2)
    run = run_team(api("globex"), slug, "Calculate 17*23.")
    assert (run["status"], run["error"]["code"]) == ("failed", "limit_turns")


def test_tasks_wait_for_people_at_once_and_a_kill_between_does_nothing_twice(
    committed: None,
) -> None:
    crew = Crew("acme")
    asks = {"create_note": {"tier": "admin"}}
    scribe = crew.agent("scribe", NOTES, "create_note", grants=asks)
    counter = crew.agent("counter", SUMS, "calculator")
    slug = crew.team("crew", "tasks", scribe, counter)
    with Server.started(SLOW) as server:
        client = Api.signed_in(server, "acme", "member")
        one, two = f"Create a note saying 1 {crew.mark}.", f"Create a note saying 2 {crew.mark}."
        text = f"{one} {two} Calculate 17*23."
        run_id = stopped_at(client, slug, text, "approval.requested", 1)[0]["run_id"]
        server.kill()
        server.start(**FAST_MODEL)
        approver = Api.signed_in(server, "acme", "approver")
        for item in waiting(approver, run_id, 2):
            assert decide(approver, item["id"], "approve").status_code == 200
        client = Api.signed_in(server, "acme", "member")
        run = ended(client, run_id)
        assert run["status"] == "completed" and "391" in run["output"], run
        for below in flat(tree(client, run_id)):
            keys = [step["key"] for step in steps(client, below["id"])]
            assert len(keys) == len(set(keys))
    assert sorted(crew.notes()) == [f"1 {crew.mark}", f"2 {crew.mark}"]
